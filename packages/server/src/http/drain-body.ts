import type { IncomingMessage } from 'node:http';
import { stopReading } from './close-gently.ts';

const maxDrainBytes = 1024 * 1024;
const maxDrainMs = 2_000;
/** Each costs some microseconds, however little is in it; what comes behind them is thrown away unparsed. */
const maxDrainPieces = 256;

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
    let pieces = 0;
    const onData = (chunk: Buffer) => {
      bytes += chunk.length;
      pieces += 1;
      if (bytes >= maxDrainBytes) return finish();
      if (pieces < maxDrainPieces) return;
      finish();
      stopReading(request.socket);
    };
    const timer = setTimeout(() => finish(), maxDrainMs);
    const finish = () => {
      clearTimeout(timer);
      request.off('data', onData);
      request.off('end', finish);
      request.off('close', finish);
      // The request alone, when paused, would still read up to its high-water mark.
      request.socket.pause();
      resolve();
    };
    request.on('data', onData);
    request.on('end', finish);
    request.on('close', finish);
    request.resume();
  });
}
