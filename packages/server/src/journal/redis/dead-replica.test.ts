import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { redisFor, withoutRedis } from '../../testing/services.ts';
import { collect, factsOf, followed, ownerOf } from '../testing/stream-followers.ts';
import { beatKey, metaKey } from './keys.ts';
import { openReplica, viewOf, writerOf } from './testing/redis-journals.ts';
import { startRedisProxy } from './testing/redis-proxy.ts';

const program = fileURLToPath(new URL('testing/writing-process.ts', import.meta.url));

describe.skipIf(withoutRedis !== undefined)(
  `the death of a replica${withoutRedis === undefined ? '' : ` (skipped: ${withoutRedis})`}`,
  () => {
    let url = '';
    const ends: (() => Promise<void>)[] = [];
    beforeAll(async () => {
      url = await redisFor((end) => ends.push(end));
      return async () => {
        for (const end of ends) await end();
      };
    });

    /** A process that writes a stream. */
    async function writingProcess(redisUrl = url) {
      const id = `chatcmpl-${randomUUID()}`;
      const child = spawn(process.execPath, ['--conditions=tailrace-source', program, redisUrl, id], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      onTestFinished(async () => {
        child.kill('SIGKILL');
        if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      });
      let text = '';
      child.stdout.setEncoding('utf8').on('data', (more: string) => {
        text += more;
      });
      const lines = () => text.split('\n');
      await expect.poll(lines, { timeout: 10_000 }).toContain('begun');
      return { id, child, lines };
    }

    async function replica() {
      const journal = await openReplica(url);
      onTestFinished(() => journal.close());
      return journal;
    }

    const numbers = (length: number) => Array.from({ length }, (_, index) => `{"n":${index + 1}}`);

    test('its followers everywhere get the same event, with the same number, and so do those who come later', async () => {
      const { id, child } = await writingProcess();
      const replicas = [await replica(), await replica()];
      const followers: ReturnType<typeof collect>[] = [];
      for (const journal of replicas) followers.push(collect(viewOf(await journal.find(id))));
      await expect.poll(() => followers.every(({ events }) => events.length > 5)).toBe(true);
      child.kill('SIGKILL');
      // Contract, section 6.
      await expect
        .poll(() => followers.map(({ view }) => view.ending?.type), { timeout: 10_000 })
        .toEqual(['torn', 'torn']);
      const [first, second] = followers;
      expect(first?.events).toEqual(numbers(first?.events.length ?? 0));
      expect(second?.events).toEqual(first?.events);
      expect(second?.view.ending).toEqual(first?.view.ending);
      expect(first?.view.ending).toMatchObject({
        failure: { code: 'upstream_cut' },
        payload: '{"error":{"code":"upstream_cut","request_id":"req_1"}}',
      });
      expect(first?.view.last).toBe((first?.events.length ?? 0) + 1);
      const late = collect(viewOf(await (await replica()).find(id)));
      await late.ended();
      expect(late.events).toEqual(first?.events);
      expect(late.view.ending).toEqual(first?.view.ending);
    }, 25_000);

    test('one that nobody follows is cut when it is asked for', async () => {
      const { id, child } = await writingProcess();
      child.kill('SIGKILL');
      const redis = new Redis(url);
      onTestFinished(async () => redis.disconnect());
      const owner = await redis.hget(metaKey(id), 'process');
      await redis.del(beatKey(owner ?? ''));
      const journal = await replica();
      // Not at once: with a Redis that was just started, a new process waits for the beats of the others.
      await expect
        .poll(async () => viewOf(await journal.find(id)).ending?.type, { timeout: 10_000 })
        .toBe('torn');
      const found = viewOf(await journal.find(id));
      expect(found.ending).toMatchObject({ type: 'torn', failure: { code: 'upstream_cut' } });
      expect(viewOf(await journal.find(id)).ending).toEqual(found.ending);
    }, 20_000);

    test('one that was only frozen is fenced: its run hears so, and it appends nothing', async () => {
      const { id, child, lines } = await writingProcess();
      const journal = await replica();
      const follower = collect(viewOf(await journal.find(id)));
      await expect.poll(() => follower.events.length).toBeGreaterThan(5);
      child.kill('SIGSTOP');
      await expect.poll(() => follower.view.ending?.type, { timeout: 10_000 }).toBe('torn');
      const { last } = follower.view;
      child.kill('SIGCONT');
      await expect.poll(lines).toContain('fenced');
      // Its own readers get the same end.
      await expect.poll(lines).toContain('ended upstream_cut');
      expect(lines()).not.toContain('lost');
      const late = collect(viewOf(await journal.find(id)));
      await late.ended();
      expect(late.view.last).toBe(last);
      expect(late.events).toEqual(numbers(last - 1));
    }, 25_000);

    test('one that was frozen is fenced also where Redis answers it late', async () => {
      const proxy = await startRedisProxy(url, onTestFinished);
      const { id, child, lines } = await writingProcess(proxy.url);
      const journal = await replica();
      const follower = collect(viewOf(await journal.find(id)));
      await expect.poll(() => follower.events.length).toBeGreaterThan(5);
      child.kill('SIGSTOP');
      await expect.poll(() => follower.view.ending?.type, { timeout: 10_000 }).toBe('torn');
      proxy.lateMs = 800;
      child.kill('SIGCONT');
      await expect.poll(lines, { timeout: 15_000 }).toContain('ended upstream_cut');
      expect(lines()).toContain('fenced');
      expect(lines()).not.toContain('lost');
    }, 40_000);

    test('readers of a replica that is not heard any more count as gone', async () => {
      const journal = await replica();
      const proxy = await startRedisProxy(url, onTestFinished);
      const other = await openReplica(proxy.url);
      onTestFinished(() => other.close());
      const writer = writerOf(await journal.begin(factsOf()));
      const { owner, calls } = ownerOf();
      writer.own(owner);
      onTestFinished(viewOf(await other.find(writer.view.facts.id)).follow(followed));
      await expect.poll(() => calls).toEqual(['left', 'came']);
      proxy.stalled = true;
      await expect.poll(() => calls, { timeout: 18_000 }).toEqual(['left', 'came', 'left']);
    }, 25_000);
  },
);
