import type { ServerResponse } from 'node:http';

/**
 * While armed: a client that takes nothing for `patienceMs` loses its connection, by a reset. Node's socket
 * timer is what sees progress inside one large write; a clock of ours would close a reader that is slow but
 * steady.
 */
export interface StalledReader {
  arm(): void;
  disarm(): void;
}

export function watchStalledReader(response: ServerResponse, patienceMs: number): StalledReader {
  return new Watch(response, patienceMs);
}

class Watch implements StalledReader {
  private readonly response: ServerResponse;
  private readonly patienceMs: number;
  private armed = false;

  constructor(response: ServerResponse, patienceMs: number) {
    this.response = response;
    this.patienceMs = patienceMs;
    // Node sets the timer when the response gets its socket: a pipelined answer may have to wait for that.
    response.on('timeout', () => {
      if (this.armed) response.socket?.resetAndDestroy();
    });
  }

  arm(): void {
    if (this.armed) return;
    this.armed = true;
    this.response.setTimeout(this.patienceMs);
  }

  disarm(): void {
    if (!this.armed) return;
    this.armed = false;
    this.response.setTimeout(0);
  }
}
