import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { createEventGrammar } from '../../../domain/event-grammar.ts';
import type { StreamEvent } from '../../../domain/stream-event.ts';
import type { Translation } from './translation.ts';

/** The meta file of a stream. */
interface FixtureMeta {
  /** `recorded`: a provider has sent these bytes. `written`: they were made by hand. */
  readonly origin: 'recorded' | 'written';
  readonly about: string;
  /** The events of the stream, all batches together. */
  readonly events: readonly StreamEvent[];
}

/**
 * Replays every `*.sse` of a folder: whole, byte by byte, and cut at each event. Each `x.sse` has an `x.meta.json`. `translate`
 * makes a new translation for the stream with that name.
 */
export function describeFixtures(folder: URL, translate: (name: string) => Translation): void {
  const names = readdirSync(folder)
    .filter((file) => file.endsWith('.sse'))
    .map((file) => file.slice(0, -'.sse'.length));

  describe.each(names)('the stream %s', (name) => {
    const bytes = readFileSync(new URL(`${name}.sse`, folder));
    const meta = JSON.parse(readFileSync(new URL(`${name}.meta.json`, folder), 'utf8')) as FixtureMeta;

    function replay(pieces: Iterable<Buffer>): readonly StreamEvent[] {
      const translation = translate(name);
      const events: StreamEvent[] = [];
      for (const piece of pieces) {
        if (translation.ended !== undefined) break;
        events.push(...(translation.push(piece) ?? []));
      }
      if (translation.ended === undefined) events.push(...(translation.end(undefined) ?? []));
      expect(translation.ended).toBeDefined();
      const grammar = createEventGrammar(1 + Math.max(0, ...events.map(choiceOf)));
      for (const event of events) expect(grammar.accept(event)).toBeUndefined();
      return events;
    }

    test('names the origin of its bytes', () => {
      expect(meta.origin).toMatch(/^(recorded|written)$/);
      expect(meta.about).not.toBe('');
    });

    test('has the events of its meta file', () => {
      expect(replay([bytes])).toEqual(meta.events);
    });

    test('has the same events byte by byte', () => {
      expect(replay(Array.from(bytes, (_, at) => bytes.subarray(at, at + 1)))).toEqual(meta.events);
    });

    test('is a failure, never whole, where it is cut before its last finish', () => {
      const whole = meta.events.at(-1)?.type === 'finish';
      for (const end of eventEnds(bytes)) {
        const events = replay([bytes.subarray(0, end)]);
        const last = events.at(-1);
        // After the event with the finish a stream is whole, also where later bytes are cut.
        if (whole && last?.type === 'finish')
          expect(events.filter(isDelta)).toEqual(meta.events.filter(isDelta));
        else expect(last?.type).toBe('failed');
      }
      expect(replay([]).at(-1)?.type).toBe('failed');
    });

    test('has the events up to the one before, where it is cut inside an event', () => {
      const ends = eventEnds(bytes);
      for (const [index, end] of ends.entries()) {
        const before = ends[index - 1] ?? 0;
        expect(replay([bytes.subarray(0, before + Math.floor((end - before) / 2))])).toEqual(
          replay([bytes.subarray(0, before)]),
        );
      }
    });
  });
}

/** The end of each event, after its blank line. */
function eventEnds(bytes: Buffer): readonly number[] {
  const ends: number[] = [];
  for (let at = bytes.indexOf('\n\n'); at >= 0; at = bytes.indexOf('\n\n', at + 2)) ends.push(at + 2);
  return ends;
}

function choiceOf(event: StreamEvent): number {
  return 'choice' in event ? event.choice : 0;
}

function isDelta(event: StreamEvent): boolean {
  return event.type !== 'usage' && event.type !== 'finish' && event.type !== 'failed';
}
