import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sliceEnd, sliceUnits } from './slice-end.ts';
import { createSpecialTexts } from './special-text.ts';

function slices(text: string, uncut = ''): string[] {
  const all: string[] = [];
  for (let from = 0; from < text.length; ) {
    const end = sliceEnd(text, from, uncut);
    all.push(text.slice(from, end));
    from = end;
  }
  return all;
}

describe('slices of long text', () => {
  test('together are the text, have a limited length, and end between words', () => {
    const text = 'a few words, of which there are a great many. '.repeat(2000);
    const all = slices(text);
    expect(all.join('')).toBe(text);
    expect(all.length).toBeGreaterThan(4);
    for (const slice of all) expect(slice.length).toBeLessThanOrEqual(sliceUnits);
    for (const slice of all.slice(1)) expect(slice).toMatch(/^ [a-z]/);
  });

  test('no slice ends inside a character or a mark', () => {
    const faces = slices(`x${'😀'.repeat(sliceUnits)}`);
    expect(faces.every((slice) => slice.isWellFormed())).toBe(true);
    for (let before = sliceUnits - 5; before <= sliceUnits; before++) {
      const all = slices(`${'-'.repeat(before)}<mark>${'-'.repeat(20)}`, '<mark>');
      expect(all.some((slice) => slice.includes('<mark>'))).toBe(true);
    }
  });

  test('a long rendered text has the same tokens and texts as in one slice', () => {
    const specials = createSpecialTexts([
      ['<s>', 0],
      ['<|end|>', 1],
    ]);
    const piece = fc.constantFrom(
      '<s>',
      '<|end|>',
      '<',
      '|',
      'a b c ',
      '\ue0a70\ue0a7',
      'x'.repeat(sliceUnits),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const mark = '\ue0a70\ue0a7';
        const rendered = pieces.join('');
        const shown = [...specials.split(rendered, mark)]
          .map((part) => (part.type === 'token' ? ['<s>', '<|end|>'][part.token] : part.text))
          .join('');
        expect(shown).toBe(rendered.replaceAll(mark, ''));
      }),
      { numRuns: 200 },
    );
  });
});
