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
  let armed = false;
  const onStall = () => {
    if (armed) response.socket?.resetAndDestroy();
  };
  // Node sets the timer when the response gets its socket: a pipelined answer may have to wait for that.
  response.on('timeout', onStall);
  return {
    arm: () => {
      if (armed) return;
      armed = true;
      response.setTimeout(patienceMs);
    },
    disarm: () => {
      if (!armed) return;
      armed = false;
      response.setTimeout(0);
    },
  };
}
