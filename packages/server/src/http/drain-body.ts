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
 * Gives a client that still sends its body the time to read our refusal: reads and drops at most 1 MiB, and resolves when
 * the body has ended, the client has closed, or after 2 s. What is not read holds the client's writes back meanwhile: a
 * connection that closed at once would be reset, and a client that gets a reset in mid-write may lose the answer. A client
 * that waits for `100 Continue` sends nothing, so this returns at once.
 */
export function drainBody(request: IncomingMessage, expectsContinue: boolean): Promise<void> {
  if (expectsContinue || !bodyIsComing(request) || request.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    let bytes = 0;
    let pieces = 0;
    const onData = (chunk: Buffer) => {
      bytes += chunk.length;
      pieces += 1;
      if (bytes >= maxDrainBytes) request.pause();
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
      request.socket.pause();
      resolve();
    };
    request.on('data', onData);
    request.on('end', finish);
    request.on('close', finish);
    request.resume();
  });
}
