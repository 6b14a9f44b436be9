import type { ServerResponse } from 'node:http';

/**
 * While armed: the connection of a client that accepts nothing for `patienceMs` is reset. Only Node's socket timer sees
 * progress inside one large write; a timer of our own would also close a client that reads slowly but steadily.
 */
export interface StalledClientWatch {
  arm(): void;
  disarm(): void;
}

export function watchStalledClient(response: ServerResponse, patienceMs: number): StalledClientWatch {
  return new SocketTimeoutWatch(response, patienceMs);
}

class SocketTimeoutWatch implements StalledClientWatch {
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
