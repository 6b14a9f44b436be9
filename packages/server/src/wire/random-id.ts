import { randomFillSync } from 'node:crypto';

/** Random bytes are drawn for some hundred ids together: a draw takes 2 µs, of few bytes as of many. */
const pool = Buffer.alloc(4_096);
let used = pool.length;

/** The index in the pool of so many bytes, at most 4,096, that no other id has. */
function draw(bytes: number): number {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const at = used;
  used += bytes;
  return at;
}

/**
 * So many random bytes as text, for ids of requests and runs, which are unique and public. Keys are made with
 * `randomBytes`, because the pool keeps what it has given out.
 */
export function randomId(bytes: number, encoding: 'hex' | 'base64url'): string {
  const at = draw(bytes);
  return pool.toString(encoding, at, at + bytes);
}
