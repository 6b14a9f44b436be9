import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSurrogateJoiner } from './surrogate-joiner.ts';

// Mostly halves, whole pairs and texts that look like them: random strings would seldom have any.
const halfPairs = fc
  .array(fc.constantFrom('\ud83d', '\ude00', '😀', 'a', '\\', '\\ud83d', 'é', '"', '\n'))
  .map((parts) => parts.join(''));

function pass(pieces: readonly string[]): string[] {
  const joiner = createSurrogateJoiner();
  return [...pieces.map((piece) => joiner.take(piece)), joiner.flush()];
}

describe('a surrogate pair in two pieces', () => {
  it('is joined', () => {
    expect(pass(['a\ud83d', '\ude00b'])).toEqual(['a', '😀b', '']);
  });

  it('becomes U+FFFD where the other half never comes', () => {
    expect(pass(['a\ud83d'])).toEqual(['a', '\ufffd']);
    expect(pass(['a\ud83d', 'b'])).toEqual(['a', '\ufffdb', '']);
    expect(pass(['a\ud83db'])).toEqual(['a\ufffdb', '']);
    expect(pass(['\ude00'])).toEqual(['\ufffd', '']);
  });

  it('is not confused with text that looks like an escape', () => {
    expect(pass(['\\ud83d', 'x'])).toEqual(['\\ud83d', 'x', '']);
  });

  it('is whole in any text, wherever it is divided, and nothing else changes', () => {
    fc.assert(
      fc.property(halfPairs, fc.array(fc.nat(), { maxLength: 5 }), (text, at) => {
        const cuts = [0, ...at.map((n) => n % (text.length + 1)), text.length].sort((a, b) => a - b);
        const pieces = cuts.slice(1).map((end, index) => text.slice(cuts[index], end));
        const joined = pass(pieces);
        expect(joined.every((piece) => piece.isWellFormed())).toBe(true);
        expect(joined.join('')).toBe(text.toWellFormed());
      }),
    );
  });

  it('is held until it is flushed, once', () => {
    const joiner = createSurrogateJoiner();
    expect(joiner.holding).toBe(false);
    expect(joiner.take('a\ud83d')).toBe('a');
    expect(joiner.holding).toBe(true);
    expect(joiner.take('')).toBe('');
    expect(joiner.flush()).toBe('\ufffd');
    expect(joiner.flush()).toBe('');
    expect(joiner.holding).toBe(false);
  });
});
