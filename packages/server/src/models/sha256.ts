import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';

/** Hashes a file as it lies; rejects with the file system's error, or when `signal` aborts. */
export async function sha256Of(file: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(file, { highWaterMark: 1024 * 1024, signal }))
    hash.update(piece);
  return hash.digest('hex');
}
