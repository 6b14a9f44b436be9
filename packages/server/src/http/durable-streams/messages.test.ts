import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { failure } from '../../domain/failure.ts';
import type { StreamEnding, StreamView } from '../../journal/contract.ts';
import { factsOf } from '../../journal/testing/stream-followers.ts';
import { stateAt } from './answer-headers.ts';
import { messagesAfter, refuseOffset, tailOf } from './messages.ts';
import { formatOffset, parseOffset } from './offset.ts';

const torn = failure('upstream_cut', 'It was cut.');
const endings: readonly (StreamEnding | undefined)[] = [
  undefined,
  { type: 'whole' },
  { type: 'whole', payload: '[DONE]' },
  { type: 'torn', failure: torn, payload: '{"error":{}}' },
];

interface Shape {
  readonly events: readonly string[];
  readonly ending: StreamEnding | undefined;
  /** Messages that the journal has dropped, and more that only its store has. */
  readonly dropped: number;
  readonly stored: number;
  /** Messages that one call of `load` brings at most. */
  readonly load: number;
}

const shapes: fc.Arbitrary<Shape> = fc.record({
  events: fc.array(fc.string({ minLength: 1, maxLength: 40 }), { maxLength: 30 }),
  ending: fc.constantFrom(...endings),
  dropped: fc.nat(10),
  stored: fc.nat(20),
  load: fc.integer({ min: 1, max: 7 }),
});

/** A stream of which this process has only the newest events. */
function viewOf({ events, ending, dropped, stored, load }: Shape): StreamView {
  const gone = Math.min(dropped, events.length);
  const here = Math.min(gone + stored, events.length);
  return {
    facts: factsOf(),
    head: {},
    first: gone + 1,
    last: events.length + (ending?.payload === undefined ? 0 : 1),
    ending,
    broken: undefined,
    event: (number) => (number > here ? events[number - 1] : undefined),
    load: async (number) => {
      if (number <= gone || number > here) throw new Error('not kept');
      return events.slice(number - 1, Math.min(here, number - 1 + load));
    },
    follow: () => () => {},
  };
}

function messagesOf({ events, ending }: Shape): readonly string[] {
  return ending?.type === 'torn' ? [...events, ending.payload] : events;
}

describe('the messages of a stream', () => {
  it('joined over any number of pieces of any size are all messages from any offset on, once and in order', async () => {
    await fc.assert(
      fc.asyncProperty(shapes, fc.nat(30), fc.nat(200), async (shape, from, maxBytes) => {
        const view = viewOf(shape);
        const all = messagesOf(shape);
        expect(tailOf(view)).toBe(all.length);
        const start = Math.min(from, all.length);
        const seen: string[] = [];
        const offsets = [formatOffset(start)];
        for (let at = start; !stateAt(view, at).upToDate; ) {
          const read = await messagesAfter(view, at, maxBytes);
          if (!read.ok) {
            expect([read.failure.code, at + 1 < view.first]).toEqual(['events_gone', true]);
            expect(refuseOffset(view, at)?.code).toBe('events_gone');
            return;
          }
          const { last, bytes, payload } = read.value;
          const piece = Array.from({ length: last - at }, (_, index) => payload(at + 1 + index) ?? 'missing');
          expect(piece.length).toBeGreaterThan(0);
          expect(bytes).toBe(piece.join('').length);
          if (piece.length > 1) expect(bytes).toBeLessThanOrEqual(maxBytes);
          seen.push(...piece);
          at = last;
          offsets.push(formatOffset(at));
        }
        expect(seen).toEqual(all.slice(start));
        expect(offsets).toEqual([...new Set(offsets)].toSorted());
        expect(stateAt(view, all.length).closed).toBe(shape.ending !== undefined);
      }),
    );
  });

  it('end at an offset behind which nothing can be read', () => {
    fc.assert(
      fc.property(shapes, fc.nat(50), (shape, number) => {
        const view = viewOf(shape);
        const code = refuseOffset(view, number)?.code;
        if (number > messagesOf(shape).length) expect(code).toBe('invalid_value');
        else if (number === messagesOf(shape).length) expect(code).toBeUndefined();
      }),
    );
  });

  it('are not claimed where the store that has them does not answer', async () => {
    const shape = { events: ['a', 'b'], ending: undefined, dropped: 0, stored: 2, load: 1 };
    const away = { ...viewOf(shape), load: () => Promise.reject(new Error('away')) };
    const emptied = { ...viewOf(shape), load: async () => [] };
    for (const view of [away, emptied]) {
      expect(await messagesAfter(view, 0, 100)).toMatchObject({ failure: { code: 'storage_unavailable' } });
    }
  });
});

describe('an offset', () => {
  it('is read as the number that was written, and sorts as a text like its number', () => {
    const numbers = fc.nat(999_999_999_999);
    fc.assert(
      fc.property(numbers, numbers, (one, other) => {
        expect(parseOffset(formatOffset(one))).toBe(one);
        expect(formatOffset(one) < formatOffset(other)).toBe(one < other);
      }),
    );
  });

  it('is nothing but twelve digits', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(parseOffset(text)).toBe(/^\d{12}$/.test(text) ? Number(text) : undefined);
      }),
    );
    expect(parseOffset('000000000001\n')).toBeUndefined();
  });
});
