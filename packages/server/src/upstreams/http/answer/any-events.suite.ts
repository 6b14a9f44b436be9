import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createEventGrammar } from '../../../domain/event-grammar.ts';
import type { JsonObject, JsonValue } from '../../../domain/json.ts';
import type { StreamEvent } from '../../../domain/stream-event.ts';
import { roundsOf } from '../../../testing/suite-part.ts';
import type { Translation } from './translation.ts';

/** The words of a protocol, from which the suite makes events. */
export interface Vocabulary {
  readonly keys: readonly string[];
  readonly texts: readonly string[];
  /** Sound events, in which the suite changes one place or none. */
  readonly events: readonly JsonObject[];
}

/**
 * Feeds a translation with events that no provider sends: the words of the protocol in wrong places. For all of them it keeps
 * to the grammar of events, ends, and throws nothing.
 */
export function describeAnyEvents(
  { keys, texts, events: sound }: Vocabulary,
  translate: () => Translation,
): void {
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 5, withCrossShrink: true },
      fc.constantFrom(...texts, '', 'a', '\ud83d', '{}', '{"a":'),
      fc.constantFrom(null, true, 0, 1, 5, -1, 1.5, 1e300),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom(...keys, '__proto__'), tie('value'), { maxKeys: 5 }),
    ),
  }));
  const random = fc.dictionary(fc.constantFrom(...keys), value, { minKeys: 1, maxKeys: 4 });
  const changed = fc
    .tuple(fc.constantFrom(...sound), fc.nat(), value)
    .map(([whole, at, other]) => withChange(whole, at % (2 * placesIn(whole)), other as JsonValue));
  const event = fc.oneof({ arbitrary: changed, weight: 9 }, { arbitrary: random, weight: 1 });

  test('events that no provider sends break nothing', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 12 }), (events) => {
        const translation = translate();
        const emitted: StreamEvent[] = [];
        for (const one of events) {
          if (translation.ended !== undefined) break;
          const bytes = Buffer.from(`data: ${JSON.stringify(one)}\n\n`);
          emitted.push(...(translation.push(bytes) ?? []));
        }
        if (translation.ended === undefined) emitted.push(...(translation.end(undefined) ?? []));
        expect(translation.ended).toBeDefined();
        const grammar = createEventGrammar(1);
        for (const one of emitted) expect(grammar.accept(one)).toBeUndefined();
        expect(grammar.ended).toBeDefined();
      }),
      { numRuns: roundsOf(2_000, 400) },
    );
  });
}

/** The number of values in a value, with the value itself. */
function placesIn(value: JsonValue): number {
  if (typeof value !== 'object' || value === null) return 1;
  return Object.values(value).reduce((sum: number, inner: JsonValue) => sum + placesIn(inner), 1);
}

/** The value with one inner value replaced; unchanged where there is no such place. */
function withChange(value: JsonValue, at: number, other: JsonValue): JsonValue {
  if (at === 0) return other;
  if (typeof value !== 'object' || value === null) return value;
  let left = at - 1;
  const change = (inner: JsonValue) => {
    const size = placesIn(inner);
    const made = left >= 0 && left < size ? withChange(inner, left, other) : inner;
    left -= size;
    return made;
  };
  if (Array.isArray(value)) return value.map(change);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, change(inner as JsonValue)]));
}
