import fc from 'fast-check';
import { expect, test } from 'vitest';
import { codePieces } from './code-pieces.ts';

const line = fc.oneof(
  fc.string({ maxLength: 90 }),
  fc.nat({ max: 9_000 }).map((length) => 'x😀'.repeat(length)),
);

test('the pieces join to the text, and none is longer than a screen or two', () => {
  fc.assert(
    fc.property(fc.array(line, { maxLength: 120 }), (lines) => {
      const text = lines.join('\n');
      const pieces = codePieces(text);
      const joined = pieces.map(
        (piece, at) => piece.text + (piece.isCut || at === pieces.length - 1 ? '' : '\n'),
      );
      expect(joined.join('')).toBe(text);
      for (const piece of pieces) expect(piece.text.length).toBeLessThanOrEqual(4_096);
    }),
    { numRuns: 60 },
  );
});

test('a text that grows changes only its last piece', () => {
  const text = 'const answer = 42;\n'.repeat(900);
  const before = codePieces(text.slice(0, 12_000));
  const after = codePieces(text);
  expect(after.slice(0, before.length - 1)).toEqual(before.slice(0, -1));
});

test('a short text is one piece', () => {
  expect(codePieces('a\nb\n')).toEqual([{ text: 'a\nb\n', isCut: false }]);
});
