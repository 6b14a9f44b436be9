import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { createEventGrammar } from '../../../domain/event-grammar.ts';
import type { StreamEvent } from '../../../domain/stream-event.ts';
import type { Translation } from './translation.ts';

/** What stands beside the bytes of a stream. */
interface FixtureMeta {
  /** `recorded` only for bytes that a provider really sent. */
  readonly origin: 'recorded' | 'written';
  readonly about: string;
  /** What the stream means, all of its batches together. */
  readonly events: readonly StreamEvent[];
}

/**
 * Replays every `*.sse` of a folder: whole, byte by byte, and cut at each event. Beside `x.sse` lies
 * `x.meta.json`. `translate` makes a fresh translation for the stream of that name.
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

    test('says where its bytes are from', () => {
      expect(meta.origin).toMatch(/^(recorded|written)$/);
      expect(meta.about).not.toBe('');
    });

    test('means what its meta file says', () => {
      expect(replay([bytes])).toEqual(meta.events);
    });

    test('means the same byte by byte', () => {
      expect(replay(Array.from(bytes, (_, at) => bytes.subarray(at, at + 1)))).toEqual(meta.events);
    });

    test('cut before its last finish it is a failure, never a finish of the whole', () => {
      const whole = meta.events.at(-1)?.type === 'finish';
      for (const end of eventEnds(bytes)) {
        const events = replay([bytes.subarray(0, end)]);
        const last = events.at(-1);
        // Behind the event that finishes it, a stream is whole, whatever was cut.
        if (whole && last?.type === 'finish')
          expect(events.filter(isDelta)).toEqual(meta.events.filter(isDelta));
        else expect(last?.type).toBe('failed');
      }
      expect(replay([]).at(-1)?.type).toBe('failed');
    });

    test('cut inside an event it is no further than the event before', () => {
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

/** Where each event ends, its blank line included. */
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
