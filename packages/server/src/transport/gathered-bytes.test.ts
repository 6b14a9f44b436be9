import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { createGatheredBytes } from './gathered-bytes.ts';

test('bytes stay as they were added, though the caller uses its buffer again', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 5_000 }), { maxLength: 10 }), (pieces) => {
      const gathered = createGatheredBytes();
      for (const piece of pieces) {
        const shared = Uint8Array.from(piece);
        gathered.add(shared);
        shared.fill(0);
      }
      expect(Buffer.from(gathered.bytes())).toEqual(Buffer.concat(pieces));
      expect(gathered.length).toBe(Buffer.concat(pieces).length);
    }),
  );
});

test('a body that comes byte by byte allocates few buffers', () => {
  const made = vi.spyOn(Buffer, 'allocUnsafe');
  const gathered = createGatheredBytes();
  for (let at = 0; at < 1_000_000; at += 1) gathered.add(Uint8Array.of(at & 0xff));
  expect(gathered.length).toBe(1_000_000);
  expect(made.mock.calls.length).toBeLessThan(12);
  made.mockRestore();
});
