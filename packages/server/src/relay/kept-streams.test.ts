import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { objectChannel } from '../channels/object-channel.ts';
import { linkedPair } from '../channels/testing/linked.ts';
import { failure } from '../domain/failure.ts';
import type { Journal, StreamView, StreamWriter } from '../journal/contract.ts';
import { createMemoryJournal } from '../journal/memory/memory-journal.ts';
import { PagePool, pageBytes } from '../journal/page-pool.ts';
import { createRemoteJournal } from '../journal/remote/remote-journal.ts';
import { serveJournal } from '../journal/remote/serve-journal.ts';
import { factsOf } from '../journal/testing/stream-followers.ts';
import { timers } from '../timers/timer-queue.ts';
import { followStream } from './follower.ts';
import type { Reader } from './reader.ts';

const end = '[DONE]';

interface Written {
  readonly writer: StreamWriter;
  readonly all: string[];
  over: boolean;
}

interface Followed {
  readonly stream: Written;
  readonly after: number;
  readonly ended: Promise<unknown>;
  readonly had: readonly string[];
  ending(): string | undefined;
  detach(): void;
}

/** A journal, and two of other processes that share its streams. */
function journalsOver(kept: Journal): readonly Journal[] {
  const elsewhere = Array.from({ length: 2 }, () => {
    const [own, parents] = linkedPair();
    serveJournal(objectChannel(parents.channel(4)), kept);
    return createRemoteJournal(objectChannel(own.channel(4)), { errorPayload: () => 'died' });
  });
  return [kept, ...elsewhere];
}

/** Follows with a reader that often takes no more for some turns, as `waits` says. */
function follow(stream: Written, view: StreamView, after: number, waits: () => number): Followed {
  const had: string[] = [];
  let ending: string | undefined;
  const reader: Reader = {
    begin: () => {},
    event: (payload) => had.push(payload) > 0 && waits() === 0,
    async drained() {
      for (let turns = waits(); turns > 0; turns -= 1) await turn();
    },
    end: (payload) => {
      ending = payload;
    },
    fail: () => {},
    abandon: () => {},
  };
  const own = view === stream.writer.view;
  const { ended, detach } = followStream(view, reader, { after, own, errorEvent: () => 'error' });
  return { stream, after, ended, had, ending: () => ending, detach };
}

test('whoever follows a kept stream has its events once and in order, and a whole end only with all of them', async () => {
  const lengths = [0, 20, 300, pageBytes - 4, pageBytes, 5_000];
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        perStreamBytes: fc.constantFrom(4_000, 20_000, 1_000_000),
        totalBytes: fc.constantFrom(3_000, 20_000, 100_000, 10_000_000),
      }),
      fc.integer({ min: 20, max: 150 }),
      fc.gen(),
      async (limits, steps, pick) => {
        const pages = new PagePool(pick(fc.integer, { min: 1, max: 8 }));
        const kept = createMemoryJournal({
          limits: () => ({ ...limits, retentionMs: 60_000 }),
          ...{ timers, pages },
        });
        const journals = journalsOver(kept);
        // By its place: `pick` would write all of what it chooses from down.
        const oneOf = <Some>(some: readonly Some[]) => some[pick(fc.nat, some.length - 1)] as Some;
        const anyJournal = () => oneOf(journals);
        const waits = () => Math.max(0, pick(fc.nat, 12) - 8);
        const streams: Written[] = [];
        const followed: Followed[] = [];

        async function begin(): Promise<void> {
          const begun = await anyJournal().begin(factsOf({ keyId: oneOf(['a', 'b']) }));
          if (begun.type !== 'begun') throw new Error(begun.type);
          const stream = { writer: begun.writer, all: [], over: false };
          stream.writer.begin({});
          streams.push(stream);
          followed.push(follow(stream, stream.writer.view, 0, waits));
        }
        async function write(stream: Written): Promise<void> {
          if (stream.over) return;
          const { writer, all } = stream;
          writer.gather();
          for (let count = pick(fc.nat, 8); count > 0; count -= 1) {
            all.push(`${streams.indexOf(stream)} ${all.length} `.padEnd(oneOf(lengths), 'x'));
            writer.event(all.at(-1) as string);
          }
          stream.over = pick(fc.nat, 6) === 0;
          if (stream.over && pick(fc.boolean)) writer.end({ type: 'whole', payload: end });
          else if (stream.over)
            writer.end({ type: 'torn', failure: failure('upstream_cut', 'cut'), payload: 'cut' });
          writer.flush();
          if (stream.over && pick(fc.boolean)) await anyJournal().drop(writer.view.facts.id);
        }
        async function find(stream: Written): Promise<void> {
          const found = await anyJournal().find(stream.writer.view.facts.id);
          if (found.type !== 'found') return;
          for (let turns = waits(); turns > 0; turns -= 1) await turn();
          const { last, ending } = found.view;
          const lastEvent = ending === undefined ? last : last - 1;
          followed.push(follow(stream, found.view, oneOf([0, Math.max(0, lastEvent - 1), lastEvent]), waits));
        }

        await begin();
        for (let step = 0; step < steps; step += 1) {
          const stream = oneOf(streams);
          const what = pick(fc.nat, 19);
          if (what === 0) await begin();
          else if (what < 10) await write(stream);
          else if (what < 16) await find(stream);
          else if (what === 16) oneOf(followed).detach();
          else if (what === 17) await anyJournal().drop(stream.writer.view.facts.id);
          else await turn();
        }
        for (const { writer, over } of streams) if (!over) writer.end({ type: 'whole', payload: end });

        for (const { stream, after, had, ended, ending } of followed) {
          const how = await ended;
          expect(had).toEqual(stream.all.slice(after, after + had.length));
          if (how === 'whole') expect([after + had.length, ending()]).toEqual([stream.all.length, end]);
          else expect(ending()).toBeUndefined();
        }
        // The end of one that is written elsewhere may still be on its way.
        for (let turns = 0; pages.taken > 0 && turns < 100; turns += 1) {
          for (const { writer } of streams) await kept.drop(writer.view.facts.id);
          await turn();
        }
        expect(pages.taken).toBe(0);
      },
    ),
    { numRuns: 150 },
  );
});
