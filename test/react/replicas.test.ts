import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { withoutPostgres, withoutRedis } from '../../packages/server/src/testing/services.ts';
import { type ReplicatedService, startReplicatedService } from '../replicas/replicated-service.ts';
import { startBrowser, withoutBrowser } from '../support/browser.ts';
import { liveStreams } from '../support/live-streams.ts';
import { until } from '../support/until.ts';
import { type AppServer, startAppServer } from './app-server.ts';
import { buildApp } from './build-app.ts';
import { type Chat, chatOf, waitMs } from './chat-page.ts';
import { type GatedAnswer, type GatedUpstream, startGatedUpstream } from './gated-upstream.ts';

/*
 * A page reads an answer by `useChat` while the replica that generates it goes away. The page asks a balancer before three replicas,
 * whose journals are in one Redis: what it has missed, it reads from another one.
 */

const without = withoutBrowser ?? withoutPostgres ?? withoutRedis;

describe.skipIf(without !== undefined)(
  `a page before replicas${without === undefined ? '' : ` (skipped: ${without})`}`,
  () => {
    let upstream: GatedUpstream;
    let service: ReplicatedService;
    let app: AppServer;
    let browser: Browser;
    const atEnd: (() => Promise<void> | void)[] = [];

    beforeAll(async () => {
      upstream = await startGatedUpstream();
      atEnd.push(() => upstream.close());
      const [started, running, script] = await Promise.all([
        startReplicatedService((work) => atEnd.push(work), {
          config: {
            upstreams: { gated: { kind: 'openai', base_url: upstream.url, api_key: 'none' } },
            models: { gated: { targets: [{ upstream: 'gated', model: 'm' }] } },
          },
        }),
        startBrowser(),
        buildApp(),
      ]);
      service = started;
      browser = running;
      atEnd.push(() => browser.close());
      // The page has a client of its own: its server gives it the script, and nothing else.
      const none = () => Promise.resolve(new Response(null, { status: 404 }));
      app = await startAppServer(script, { GET: none, POST: none, DELETE: none });
      atEnd.push(() => app.crash());
    }, 120_000);
    afterAll(async () => {
      for (const work of atEnd.splice(0).toReversed()) await work();
    });

    interface Asked {
      readonly page: Page;
      readonly chat: Chat;
      readonly answer: GatedAnswer;
      /** The replica that generates the answer. */
      readonly number: number;
    }

    /** A page that has the first word of an answer. */
    async function ask(): Promise<Asked> {
      const context = await browser.newContext();
      context.setDefaultTimeout(waitMs);
      onTestFinished(() => context.close());
      const page = await context.newPage();
      const url = `http://127.0.0.1:${service.balancer.port}/v1`;
      const before = upstream.answers.length;
      await page.goto(`${app.url}/?key=${service.replica(0).apiKey}&url=${encodeURIComponent(url)}`);
      const chat = chatOf(page, 'first');
      await chat.send();
      const answer = await upstream.answer(before);
      answer.say('one ');
      await chat.shows('one ', 'streaming');
      const number = await until('the replica that generates it', waitMs, async () => {
        const live = await Promise.all(service.replicas().map(liveStreams));
        const at = live.findIndex((streams) => streams.length > 0);
        return at < 0 ? undefined : at;
      });
      return { page, chat, answer, number };
    }

    const calls = (page: Page): Promise<string[]> => page.evaluate<string[]>('watched.calls');

    test('a replica drains and ends while the page is away: it reads the rest at another one', async () => {
      const { page, chat, answer, number } = await ask();
      const asked = upstream.answers.length;
      const address = page.url();
      const leaving = service.replica(number);
      const ended = leaving.expectExit();
      leaving.signal('SIGTERM');
      await until('the replica not to be ready', waitMs, async () =>
        (await fetch(`${leaving.baseUrl}/readyz`)).status === 503 ? true : undefined,
      );
      answer.say('two ');
      await chat.shows('one two ', 'streaming');
      await page.goto('about:blank');
      answer.say('three');
      answer.finish();
      expect((await ended).code).toBe(0);
      await page.goto(address);
      await chat.shows('one two three', 'ready');
      expect((await calls(page)).at(-1)).toBe('first finish one two three');
      expect(upstream.answers).toHaveLength(asked);
      await service.startAgain(number);
    });

    test('a replica is killed: the page keeps what came, and says that it is not all', async () => {
      const { page, chat, answer, number } = await ask();
      answer.say('two ');
      await chat.shows('one two ', 'streaming');
      await service.replica(number).kill();
      await chat.shows('one two  (incomplete)', 'error');
      const told = await calls(page);
      expect(told[0]).toBe('first reconnect');
      expect(told.filter((call) => call !== 'first reconnect')).toEqual([
        expect.stringMatching(/^first error /),
      ]);
      const before = upstream.answers.length;
      await chat.button('Regenerate').click();
      const again = await upstream.answer(before);
      again.say('whole');
      again.finish();
      await chat.shows('whole', 'ready');
    });
  },
);
