// Workers of a service with PostgreSQL and Redis: each is a replica to the others, and the ledger is that of their parent.

import { describe, expect, onTestFinished, test } from 'vitest';
import {
  postgresFor,
  redisFor,
  withoutPostgres,
  withoutRedis,
} from '../../packages/server/src/testing/services.ts';
import { administer, allRecords, makeKey } from '../ledger/administrator.ts';
import { askAtOnce } from '../ledger/at-once.ts';
import { createLabClient, dropAfter, eventsOf, idOf } from '../resume/lab-client.ts';
import { liveStreams, untilLive, untilNoneLive } from '../support/live-streams.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { until } from '../support/until.ts';
import { ask, labServer } from '../wire/wire-client.ts';
import { untilWorkers } from './running-workers.ts';

async function started(): Promise<TestServer> {
  const storage = {
    database_url: await postgresFor(onTestFinished),
    redis_url: await redisFor(onTestFinished),
  };
  const server = await startServer({
    ...labServer({ storage }),
    flags: ['--workers', '2'],
  });
  onTestFinished(() => server.stop());
  return server;
}

const why = withoutPostgres ?? withoutRedis;

describe.skipIf(why !== undefined)(`workers that share stores ${why ?? ''}`, () => {
  test('a stream is resumed and cancelled through any worker, and limits are exact', async () => {
    const running = await started();
    const client = createLabClient(running, 'steady');
    const undisturbed = client.post({ 'Idempotency-Key': 'once' });
    await untilLive(running, 1);
    const cut = await client.post({ 'Idempotency-Key': 'once' }, dropAfter(1_500));
    const had = eventsOf(cut);
    const rests = await Promise.all(Array.from({ length: 6 }, () => client.events(idOf(cut), had.length)));
    const whole = eventsOf(await undisturbed);
    expect(whole.at(-1)?.payload).toBe('[DONE]');
    for (const rest of rests) expect([...had, ...eventsOf(rest)]).toEqual(whole);

    const endless = createLabClient(running, 'endless');
    const running1 = endless.post();
    const [live] = await untilLive(running, 1);
    const answers = await Promise.all(
      Array.from({ length: 4 }, () =>
        ask(running, { method: 'POST', path: `/v1/chat/completions/${live?.id}/cancel` }),
      ),
    );
    for (const answer of answers)
      expect(JSON.parse(answer.body.toString())).toEqual({ id: live?.id, status: 'cancelled' });
    expect(eventsOf(await running1).at(-1)?.payload).toContain('completion_cancelled');

    const { id, key } = await makeKey(running, { max_streams: 10 });
    const asked = await askAtOnce({
      ports: [running.port],
      count: 60,
      key,
      body: {
        ...{ model: 'lab/endless', stream: true },
        messages: [{ role: 'user', content: 'Say something.' }],
      },
    });
    expect(asked.answers.filter(({ status }) => status === 200)).toHaveLength(10);
    for (const { leave } of asked.answers) leave();
    await untilNoneLive(running);
    expect(await allRecords(running, `key_id=${id}`)).toHaveLength(10);
  });

  test('the records of a worker that is killed are closed when its last beat has expired', async () => {
    const running = await started();
    const client = createLabClient(running, 'endless');
    const streams = Array.from({ length: 4 }, () => client.post());
    await untilLive(running, 4);
    const [victim = 0] = await untilWorkers(running, 2);
    process.kill(victim, 'SIGKILL');
    const lost = await until('its records to be closed', 25_000, async () => {
      const closed = (await allRecords(running)).filter(({ status }) => status !== 'open');
      return closed.length > 0 ? closed : undefined;
    });
    // Abandoned: it died before the first progress of a stream was noted.
    for (const { status } of lost) expect(['cut', 'abandoned']).toContain(status);
    expect(await liveStreams(running)).toHaveLength(4 - lost.length);
    await untilWorkers(running, 2);
    await Promise.all(
      (await liveStreams(running)).map(({ id }) => administer(running, `streams/${id}/cancel`, {})),
    );
    await Promise.allSettled(streams);
    await untilNoneLive(running);
  });
});
