import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createTextHold } from './text-hold.ts';

test('however text is cut, whole characters come out and join to the text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.array(fc.nat(20)), (text, cuts) => {
      const hold = createTextHold();
      const pieces: string[] = [];
      let rest = text;
      for (const cut of cuts) {
        pieces.push(hold.take(rest.slice(0, cut)));
        rest = rest.slice(cut);
      }
      pieces.push(hold.take(rest));
      for (const piece of pieces) expect(piece.isWellFormed()).toBe(true);
      expect(pieces.join('') + hold.flush()).toBe(text.toWellFormed());
    }),
  );
});

test('a half whose other half never comes is told as U+FFFD, once', () => {
  const hold = createTextHold();
  expect(hold.take('a\ud83d')).toBe('a');
  expect(hold.flush()).toBe('\ufffd');
  expect(hold.flush()).toBe('');
});
