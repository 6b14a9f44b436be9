// The layout `ha` of deploy/, from its own files: three replicas, PostgreSQL, Redis, nginx. Replicas are restarted one after the other and
// killed, while clients stream through nginx.

import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { withoutPostgres, withoutRedis } from '../../packages/server/src/testing/services.ts';
import { createDice } from '../../packages/server/src/upstreams/testing/dice.ts';
import { allRecords } from '../ledger/administrator.ts';
import { bodyOf, type Drip, textOf } from '../replicas/dripping-upstream.ts';
import { readToItsEnd } from '../replicas/read-to-its-end.ts';
import { type ReadStream, readReturning, saidText } from '../replicas/returning-client.ts';
import { readDropped } from '../resume/dropped-connection.ts';
import { postChat } from '../resume/read-routes.ts';
import type { RawResponse } from '../support/http-bytes.ts';
import { findNginx } from '../support/nginx.ts';
import { until } from '../support/until.ts';
import { type HaLayout, type ReplicaName, startHaLayout } from './ha-layout.ts';

const nginx = await findNginx();
const without =
  withoutPostgres ?? withoutRedis ?? (nginx === undefined ? 'nginx is not installed' : undefined);

const atEnd: (() => Promise<void> | void)[] = [];
let layout: HaLayout;
beforeAll(async () => {
  if (without === undefined) layout = await startHaLayout((work) => atEnd.push(work), nginx ?? '');
});
afterAll(async () => {
  for (const work of atEnd.splice(0).toReversed()) await work();
});

const model = 'chat';

/** An ordinary stream through nginx, read whole; `text` is what it said. */
async function readOrdinary(
  drip: Drip,
): Promise<{ readonly status: number; readonly text: string; readonly isWhole: boolean }> {
  const response = await fetch(`http://127.0.0.1:${layout.port}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${layout.apiKey}`, 'content-type': 'application/json' },
    body: bodyOf(drip, { stream: true, model }),
  });
  const body = await response.text();
  const payloads = body.split('\n\n').map((block) => block.replace(/^data: /, ''));
  return { status: response.status, text: saidText(payloads), isWhole: body.endsWith('data: [DONE]\n\n') };
}

interface Running {
  readonly id: string;
  readonly name: string;
  readonly client: ReturnType<typeof readDropped>;
}

/** An endless stream on one replica, with its client there; `resumable`: it is kept. */
async function begin(
  replica: ReplicaName,
  name: string,
  headers: Readonly<Record<string, string>>,
): Promise<Running> {
  const head = Promise.withResolvers<RawResponse>();
  const body = bodyOf({ name, pieces: 100_000, everyMs: 50 }, { stream: true, model });
  const { port } = layout.replica(replica);
  const bytes = postChat(layout.apiKey, body, headers);
  const client = readDropped({ port, bytes, drop: undefined, onHead: head.resolve });
  const answered = await head.promise;
  return { id: answered.header('tailrace-completion-id') ?? '', name, client };
}

describe.skipIf(without !== undefined)(
  `the layout ha${without === undefined ? '' : ` (skipped: ${without})`}`,
  () => {
    test('each replica is restarted in turn: no resumable stream is lost, ordinary ones are drained, none is refused', async () => {
      const { port, apiKey, upstream } = layout;
      let restarting = true;
      let count = 0;
      const next = (kind: string): Drip => {
        count += 1;
        return { name: `${kind} ${count}`, pieces: 15, everyMs: 100 };
      };
      const resumable: (readonly [Drip, ReadStream])[] = [];
      const ordinary: (readonly [Drip, Awaited<ReturnType<typeof readOrdinary>>])[] = [];
      const resume = async (): Promise<void> => {
        while (restarting) {
          const drip = next('kept');
          const dice = createDice(count);
          const read = await readReturning({ port, apiKey, drip, model, dice, drops: 2, withinMs: 60_000 });
          resumable.push([drip, read]);
        }
      };
      const stream = async (): Promise<void> => {
        while (restarting) {
          const drip = next('plain');
          ordinary.push([drip, await readOrdinary(drip)]);
        }
      };
      const clients = Array.from({ length: 12 }, () => [resume(), stream()]).flat();
      await until('streams on every replica', 20_000, () => (upstream.running() >= 24 ? true : undefined));
      const exits = [];
      for (const name of layout.names) {
        exits.push(await layout.stop(name));
        await layout.start(name);
      }
      restarting = false;
      await Promise.all(clients);

      expect(exits).toEqual(layout.names.map(() => ({ code: 0, signal: null })));
      expect(
        ordinary.filter(
          ([drip, { status, text, isWhole }]) => status !== 200 || text !== textOf(drip) || !isWhole,
        ),
      ).toEqual([]);
      for (const [drip, { faults, payloads }] of resumable) {
        expect([faults, saidText(payloads), payloads.at(-1)]).toEqual([[], textOf(drip), '[DONE]']);
        expect(upstream.asked(drip.name)).toBe(1);
      }
      const records = await until('every record to be settled', 20_000, async () => {
        const rows = await allRecords(layout.replica('replica-1'));
        return rows.length >= count && rows.every(({ status }) => status !== 'open') ? rows : undefined;
      });
      expect(new Set(records.map(({ status }) => status))).toEqual(new Set(['completed']));
      expect(records).toHaveLength(count);
      console.log(
        JSON.stringify({
          streams: count,
          lost_connections: resumable.reduce((sum, [, { lost }]) => sum + lost, 0),
          refused: resumable.reduce((sum, [, read]) => sum + (read.refused['draining'] ?? 0), 0),
        }),
      );
    });

    test('a replica is killed: its streams end in an error on the others, none ends as if it were whole, and new ones begin', async () => {
      const kept = await Promise.all(
        ['a', 'b', 'c'].map((name) =>
          begin('replica-2', name, { 'Idempotency-Key': name, 'Tailrace-Resumable': 'true' }),
        ),
      );
      const plain = await begin('replica-2', 'ordinary', {});
      // A second passes until the store has their progress.
      await sleep(1_000);
      expect(await layout.healthOf('replica-2')).toEqual({ code: 0, signal: null });
      expect(await layout.kill('replica-2')).toEqual({ code: null, signal: 'SIGKILL' });
      expect(await layout.healthOf('replica-2')).toEqual({ code: 1, signal: null });
      // nginx asks the next replica where the first one refuses its connection.
      const fresh = await Promise.all(
        Array.from({ length: 9 }, (_, index) =>
          readOrdinary({ name: `after ${index}`, pieces: 3, everyMs: 10 }),
        ),
      );
      expect(fresh.filter(({ status, isWhole }) => status !== 200 || !isWhole)).toEqual([]);
      const lost = await plain.client;
      expect(lost.response?.body.toString() ?? '').not.toContain('[DONE]');
      expect(lost.ended).not.toBe('dropped');
      for (const { id } of kept) {
        // Through nginx, so from one of those that are left.
        const { events } = await readToItsEnd({ port: layout.port, apiKey: layout.apiKey, id }, 0);
        expect(JSON.parse(events.at(-1)?.payload ?? '')).toMatchObject({ error: { code: 'upstream_cut' } });
      }
      await layout.start('replica-2');
      expect(layout.logs()).not.toMatch(/^\s+at .+:\d+:\d+\)?$/m);
    });
  },
);
