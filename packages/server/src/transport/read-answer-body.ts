import type { AnswerBody } from './answer-body.ts';
import { createGatheredBytes } from './gathered-bytes.ts';

export interface ReadAnswerBody {
  readonly bytes: Uint8Array;
  /** Why `bytes` is not the whole body; absent where it is. */
  readonly short?: 'too-large' | 'too-slow' | 'cut';
}

/**
 * Reads a body into memory, at most `maxBytes` bytes of it and for at most `maxMs` milliseconds (default: no limit). Always
 * ends the body.
 */
export async function readAnswerBody(
  body: AnswerBody,
  limits: { readonly maxBytes: number; readonly maxMs?: number },
): Promise<ReadAnswerBody> {
  const gathered = createGatheredBytes();
  let slow = false;
  const timer =
    limits.maxMs === undefined
      ? undefined
      : setTimeout(() => {
          slow = true;
          void body.return();
        }, limits.maxMs);
  try {
    for (;;) {
      const read = await body.next();
      if (read.done === true) {
        const bytes = gathered.bytes();
        if (slow) return { bytes, short: 'too-slow' };
        return read.value === undefined ? { bytes } : { bytes, short: 'cut' };
      }
      const room = limits.maxBytes - gathered.length;
      gathered.add(read.value.subarray(0, room));
      if (read.value.length > room) return { bytes: gathered.bytes(), short: 'too-large' };
    }
  } finally {
    clearTimeout(timer);
    await body.return();
  }
}
