import type { IncomingMessage } from 'node:http';
import { detachFromParser } from './close-gently.ts';

const maxDrainBytes = 1024 * 1024;
const maxDrainMs = 2_000;
/** Each piece costs some microseconds, however small it is; what follows these pieces is thrown away unparsed. */
const maxDrainPieces = 256;

/**
 * True while bytes of a declared body are still to come. `complete` alone is not enough: for a request without a body it
 * is still false when the handler runs.
 */
export function bodyIsComing(request: IncomingMessage): boolean {
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
  return !request.complete && (encoding !== undefined || Number(length ?? 0) > 0);
}

/**
 * Reads and drops what a client still sends, at most 1 MiB and 2 s, so that it can read our refusal. A client that waits
 * for `100 Continue` sends nothing, so this returns at once.
 */
export function drainBody(request: IncomingMessage, expectsContinue: boolean): Promise<void> {
  if (expectsContinue || !bodyIsComing(request) || request.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    let bytes = 0;
    let pieces = 0;
    const onData = (chunk: Buffer) => {
      bytes += chunk.length;
      pieces += 1;
      if (bytes >= maxDrainBytes) return finish();
      if (pieces < maxDrainPieces) return;
      finish();
      detachFromParser(request.socket);
    };
    const timer = setTimeout(() => finish(), maxDrainMs);
    const finish = () => {
      clearTimeout(timer);
      request.off('data', onData);
      request.off('end', finish);
      request.off('close', finish);
      // Pausing the request alone would still read up to its high-water mark.
      request.socket.pause();
      resolve();
    };
    request.on('data', onData);
    request.on('end', finish);
    request.on('close', finish);
    request.resume();
  });
}
