import type { IncomingMessage } from 'node:http';

const maxDrainBytes = 1024 * 1024;
const maxDrainMs = 2_000;
/** Counted for each piece besides its bytes: a megabyte in pieces of one byte is four seconds of work. */
const pieceBytes = 1024;

/**
 * True while bytes of a declared body are still to come. `complete` alone does not tell: of a request without
 * a body it is still false when its handler runs.
 */
export function bodyIsComing(request: IncomingMessage): boolean {
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
  return !request.complete && (encoding !== undefined || Number(length ?? 0) > 0);
}

/**
 * Reads on and forgets, briefly (1 MiB, 2 s), so that a client that is still sending can read our refusal.
 * A client that waits for `100 Continue` is not sending and is not waited for.
 */
export function drainBody(request: IncomingMessage, expectsContinue: boolean): Promise<void> {
  if (expectsContinue || !bodyIsComing(request) || request.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    let bytes = 0;
    const onData = (chunk: Buffer) => {
      bytes += chunk.length + pieceBytes;
      if (bytes > maxDrainBytes) finish();
    };
    const timer = setTimeout(() => finish(), maxDrainMs);
    const finish = () => {
      clearTimeout(timer);
      request.off('data', onData);
      request.off('end', finish);
      request.off('close', finish);
      // The request alone, when paused, would still parse all that the socket has, up to 2 MB of it at once.
      request.socket.pause();
      resolve();
    };
    request.on('data', onData);
    request.on('end', finish);
    request.on('close', finish);
    request.resume();
  });
}
