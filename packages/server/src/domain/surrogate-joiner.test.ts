import { decodeJsonText, emptyJsonText, type JsonText, joinJsonText, jsonText } from '@tailrace/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSurrogateJoiner } from './surrogate-joiner.ts';

// Mostly halves, whole pairs and what looks like them: chance would seldom make any.
const halfPairs = fc
  .array(fc.constantFrom('\ud83d', '\ude00', '😀', 'a', '\\', '\\ud83d', 'é', '"', '\n'))
  .map((parts) => parts.join(''));

/** Every delta escaped on its own, as targets do. */
function pass(pieces: readonly string[]): string[] {
  const hold = createSurrogateJoiner();
  return [...pieces.map((piece) => decodeJsonText(hold.takeJson(jsonText(piece)))), hold.flush()];
}

describe('a character in two halves', () => {
  it('waits for its other half', () => {
    expect(pass(['a\ud83d', '\ude00b'])).toEqual(['a', '😀b', '']);
  });

  it('becomes U+FFFD where the other half never comes', () => {
    expect(pass(['a\ud83d'])).toEqual(['a', '\ufffd']);
    expect(pass(['a\ud83d', 'b'])).toEqual(['a', '\ufffdb', '']);
    expect(pass(['a\ud83db'])).toEqual(['a\ufffdb', '']);
    expect(pass(['\ude00'])).toEqual(['\ufffd', '']);
  });

  it('is not mistaken for a text that spells an escape', () => {
    expect(pass(['\\ud83d', 'x'])).toEqual(['\\ud83d', 'x', '']);
  });

  it('is whole in any text, however it is cut, and nothing else is changed', () => {
    fc.assert(
      fc.property(halfPairs, fc.array(fc.nat(), { maxLength: 5 }), (text, at) => {
        const cuts = [0, ...at.map((n) => n % (text.length + 1)), text.length].sort((a, b) => a - b);
        const pieces = cuts.slice(1).map((end, index) => text.slice(cuts[index], end));
        const hold = createSurrogateJoiner();
        const decoded = createSurrogateJoiner();
        const joined = [...pieces.map((piece) => hold.takeJson(jsonText(piece))), jsonText(hold.flush())];
        expect(joined.every((json) => decodeJsonText(json).isWellFormed())).toBe(true);
        expect(decodeJsonText(joined.reduce(joinJsonText, emptyJsonText))).toBe(text.toWellFormed());
        // Escaped or not, it is the same hold.
        expect([...pieces.map((piece) => decoded.take(piece)), decoded.flush()]).toEqual(
          joined.map(decodeJsonText),
        );
      }),
    );
  });

  it('is held until it is told, once', () => {
    const hold = createSurrogateJoiner();
    expect(hold.holding).toBe(false);
    expect(hold.take('a\ud83d')).toBe('a');
    expect(hold.holding).toBe(true);
    expect(hold.take('')).toBe('');
    expect(hold.flush()).toBe('\ufffd');
    expect(hold.flush()).toBe('');
    expect(hold.holding).toBe(false);
  });

  it('is no reason to write text without halves in other escapes than it came in', () => {
    const spelt = 'caf\\u00e9 \\/ \\u0041' as JsonText;
    expect(createSurrogateJoiner().takeJson(spelt)).toBe(spelt);
  });
});
