import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { roundsOf } from '../../testing/suite-part.ts';
import { createTextStream } from './text-stream.ts';
import { createUtf8Decoder } from './utf8-decoder.ts';

const encoder = new TextEncoder();

function run(text: string | Uint8Array, stops: readonly string[], cuts: readonly number[]) {
  const bytes = typeof text === 'string' ? encoder.encode(text) : text;
  const stream = createTextStream(stops);
  const decoder = createUtf8Decoder();
  const pieces: string[] = [];
  let from = 0;
  for (const cut of [...cuts, bytes.length]) {
    const piece = stream.push(decoder.push(bytes.subarray(from, cut)));
    pieces.push(piece.text);
    from = cut;
    if (piece.stopped) return { pieces, text: pieces.join(''), stopped: true };
  }
  pieces.push(stream.flush());
  return { pieces, text: pieces.join(''), stopped: false };
}

/** Where the reference finds the stop: earliest end, then the longest. */
function reference(text: string, stops: readonly string[]): string | undefined {
  for (let end = 1; end <= text.length; end++) {
    const here = stops.filter((stop) => stop !== '' && text.slice(0, end).endsWith(stop));
    if (here.length > 0) return text.slice(0, end - Math.max(...here.map((stop) => stop.length)));
  }
  return undefined;
}

describe('text stream', () => {
  test('a stop string is found wherever it is split, and no part of it leaves', () => {
    const text = 'one two STOP three';
    for (let first = 0; first <= text.length; first++) {
      for (let second = first; second <= text.length; second++) {
        expect(run(text, ['STOP'], [first, second])).toMatchObject({ text: 'one two ', stopped: true });
      }
    }
  });

  test('a stop string that only begins at the end leaves as text', () => {
    expect(run('one two STO', ['STOP'], [3, 8, 9])).toMatchObject({ text: 'one two STO', stopped: false });
  });

  test('held text leaves as soon as it cannot become a stop string', () => {
    const stream = createTextStream(['aab']);
    expect(stream.push('aa').text).toBe('');
    expect(stream.push('a').text).toBe('a');
    expect(stream.push('c').text).toBe('aac');
  });

  test('of overlapping stop strings the one that ends first counts, and of those the longest', () => {
    expect(run('xxabcdyy', ['abcd', 'bc'], [3, 4]).text).toBe('xxa');
    expect(run('xxabcyy', ['abc', 'bc'], []).text).toBe('xx');
  });

  test('after a stop string nothing more leaves', () => {
    const stream = createTextStream(['.']);
    expect(stream.push('a.b')).toEqual({ text: 'a', stopped: true, dropped: 2 });
    expect(stream.push('c')).toEqual({ text: '', stopped: true, dropped: 1 });
  });

  test('no piece ends inside a character, at whichever byte the tokens cut it', () => {
    const text = 'é漢😀!';
    const bytes = encoder.encode(text);
    for (let cut = 0; cut <= bytes.length; cut++) {
      const { pieces, text: joined } = run(bytes, [], [cut]);
      expect(joined).toBe(text);
      for (const piece of pieces) expect(piece.isWellFormed()).toBe(true);
    }
  });

  test('a stop string of half a character does not tear the character', () => {
    for (const stop of ['\ude00', '\ud83d', '\ude00x']) {
      for (const piece of run('a😀x', [stop], []).pieces) expect(piece.isWellFormed()).toBe(true);
    }
  });

  test('bytes of an incomplete character are dropped, invalid bytes become U+FFFD', () => {
    expect(run(Uint8Array.of(0x61, 0xe6, 0xbc), [], [2]).text).toBe('a');
    expect(run(Uint8Array.of(0x61, 0xff, 0x62), [], [2]).text).toBe('a\ufffdb');
  });

  test('a byte order mark is text', () => {
    expect(run('\ufeffa', [], [1]).text).toBe('\ufeffa');
  });

  test('for any text, stop strings and cuts the result equals the reference', () => {
    const letters = fc.array(fc.constantFrom('a', 'b', 'é', '😀'), { maxLength: 24 }).map((l) => l.join(''));
    const stop = fc
      .array(fc.constantFrom('a', 'b', 'é', '😀'), { minLength: 1, maxLength: 5 })
      .map((l) => l.join(''));
    fc.assert(
      fc.property(
        letters,
        fc.array(stop, { maxLength: 4 }),
        fc.array(fc.nat(60), { maxLength: 6 }),
        (text, stops, cuts) => {
          const size = encoder.encode(text).length;
          const outcome = run(
            text,
            stops,
            cuts.map((cut) => Math.min(cut, size)).sort((a, b) => a - b),
          );
          const expected = reference(text, stops);
          expect(outcome.stopped).toBe(expected !== undefined);
          expect(outcome.text).toBe(expected ?? text);
          for (const piece of outcome.pieces) expect(piece.isWellFormed()).toBe(true);
        },
      ),
      { numRuns: roundsOf(2_000, 400) },
    );
  });
});
