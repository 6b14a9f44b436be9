import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createTextPieces } from './text-pieces.ts';

test('the joined text is the text of all pieces, whenever it is read', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ maxLength: 3 }), { maxLength: 300 }), (given) => {
      const pieces = createTextPieces();
      for (const [at, piece] of given.entries()) {
        pieces.add(piece);
        if (at % 50 === 0) expect(pieces.join()).toBe(given.slice(0, at + 1).join(''));
      }
      const whole = given.join('');
      expect([pieces.length, pieces.join(), pieces.take(), pieces.length, pieces.join()]).toEqual([
        whole.length,
        whole,
        whole,
        0,
        '',
      ]);
    }),
  );
});
