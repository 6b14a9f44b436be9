import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { createChatHandler } from '../../packages/client/src/next/index.ts';
import { startTestApp, type TestApp, testKey } from '../../packages/server/src/testing/start-app.ts';
import { startBrowser, withoutBrowser } from '../support/browser.ts';
import { until } from '../support/until.ts';
import { type AppServer, startAppServer } from './app-server.ts';
import { buildApp } from './build-app.ts';
import { type Chat, chatOf, waitMs } from './chat-page.ts';
import { type GatedAnswer, type GatedUpstream, startGatedUpstream } from './gated-upstream.ts';

/*
 * `useChat` and `useCompletion` in Chromium, in strict mode: a page, its server with the route of `tailrace/next`, a Tailrace behind
 * it, and an upstream that says what the test lets it say. So a test interrupts an answer exactly where it wants to.
 */

const reason = withoutBrowser === undefined ? '' : ` (skipped: ${withoutBrowser})`;

describe.skipIf(withoutBrowser !== undefined)(`the hooks in a page${reason}`, () => {
  let upstream: GatedUpstream;
  let tailrace: TestApp;
  let app: AppServer;
  let browser: Browser;
  let before: number;

  beforeAll(async () => {
    upstream = await startGatedUpstream();
    const [started, running, script] = await Promise.all([
      startTestApp({
        config: JSON.stringify({
          server: { cors_origins: ['*'] },
          upstreams: { gated: { kind: 'openai', base_url: upstream.url } },
          models: { gated: { targets: [{ upstream: 'gated', model: 'm' }] } },
        }),
      }),
      startBrowser(),
      buildApp(),
    ]);
    tailrace = started;
    browser = running;
    app = await startAppServer(script, createChatHandler({ apiKey: testKey, baseURL: `${tailrace.url}/v1` }));
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    await app?.crash();
    await tailrace?.stop();
    await upstream?.close();
  });
  beforeEach(() => {
    app.asked.length = 0;
    before = upstream.answers.length;
  });

  async function open(query = ''): Promise<{ page: Page; context: BrowserContext; chat: Chat }> {
    const context = await browser.newContext();
    context.setDefaultTimeout(waitMs);
    onTestFinished(() => context.close());
    const page = await context.newPage();
    const thrown: string[] = [];
    page.on('pageerror', ({ message }) => thrown.push(message));
    onTestFinished(() => expect(thrown).toEqual([]));
    await page.goto(app.url + query);
    return { page, context, chat: chatOf(page, query.includes('completion') ? 'completion' : 'first') };
  }

  /** The answer that runs, and that no other one was asked for. */
  async function onlyAnswer(): Promise<GatedAnswer> {
    const answer = await upstream.answer(before);
    expect(upstream.answers).toHaveLength(before + 1);
    return answer;
  }

  test('two hooks share one stream and one drawing a frame, and both show the whole answer', async () => {
    const { page, chat } = await open('/?hooks=2');
    const second = chatOf(page, 'second');
    await chat.send();
    const answer = await onlyAnswer();
    const words = Array.from({ length: 400 }, (_, at) => `w${at} `);
    for (let at = 0; at < words.length; at += 4) {
      answer.say(...words.slice(at, at + 4));
      await new Promise((resolve) => setTimeout(resolve, 4));
    }
    answer.finish();
    for (const one of [chat, second]) await one.shows(words.join(''), 'ready');
    expect(await page.evaluate('watched.calls')).toEqual(
      ['first', 'second'].map((name) => `${name} finish ${words.join('')}`),
    );
    expect(app.asked).toEqual(['POST']);
    const frames = await page.evaluate<number[]>('watched.commits');
    // Mounting twice and sending are no drawings of the stream.
    const streamed = frames.slice(3);
    expect(streamed.length).toBeGreaterThan(5);
    expect(new Set(streamed).size).toBe(streamed.length);
  });

  test('a reload in mid-answer attaches once, and the answer is whole and was made once', async () => {
    const { page, chat } = await open('/?hooks=2');
    await chat.send();
    const answer = await onlyAnswer();
    answer.say('one ', 'two ', 'three ');
    await chat.shows('one two three ', 'streaming');
    await page.reload();
    await chat.shows('one two three ', 'streaming');
    answer.say('four ');
    await chat.shows('one two three four ', 'streaming');
    answer.finish();
    for (const one of [chat, chatOf(page, 'second')]) await one.shows('one two three four ', 'ready');
    expect(app.asked).toEqual(['POST', 'GET']);
    await page.reload();
    await chat.shows('one two three four ', 'ready');
    expect(app.asked).toEqual(['POST', 'GET']);
    await onlyAnswer();
  });

  test('a reload before the first word attaches to the answer that was asked for', async () => {
    const { page, chat } = await open();
    await chat.send();
    const answer = await onlyAnswer();
    await chat.is('submitted');
    await page.reload();
    await until('the page asks again', waitMs, () => app.asked.length > 1 || undefined);
    answer.say('late ', 'words');
    answer.finish();
    await chat.shows('late words', 'ready');
    await onlyAnswer();
  });

  test('the network goes and comes back: no word is missing, none comes twice', async () => {
    const { page, context, chat } = await open();
    await chat.send();
    const answer = await onlyAnswer();
    answer.say('before ');
    await chat.shows('before ', 'streaming');
    await context.setOffline(true);
    // The emulation leaves open connections as they are.
    app.cut();
    await until(
      'the page has lost its connection',
      waitMs,
      async () => (await page.evaluate<string[]>('watched.calls')).includes('first reconnect') || undefined,
    );
    answer.say('in ', 'between ');
    await context.setOffline(false);
    await chat.shows('before in between ', 'streaming');
    expect(app.asked).toEqual(['POST', 'GET']);
    answer.say('after');
    answer.finish();
    await chat.shows('before in between after', 'ready');
    expect(await page.evaluate('watched.calls')).toContain('first finish before in between after');
    await onlyAnswer();
  });

  test('the server of the app ends and starts again in mid-answer', async () => {
    const { page, chat } = await open();
    await chat.send();
    const answer = await onlyAnswer();
    answer.say('before ');
    await chat.shows('before ', 'streaming');
    await app.crash();
    answer.say('in ', 'between ');
    await app.start();
    await chat.shows('before in between ', 'streaming');
    answer.say('after');
    answer.finish();
    await chat.shows('before in between after', 'ready');
    expect(await page.evaluate('watched.calls')).toContain('first reconnect');
    await onlyAnswer();
  });

  test('a hidden tab, which has no frames, goes on, and shows everything when it comes back', async () => {
    const { page, chat } = await open();
    await chat.send();
    const answer = await onlyAnswer();
    answer.say('shown ');
    await chat.shows('shown ', 'streaming');
    await page.evaluate(`{
      window.drawn = window.requestAnimationFrame;
      window.requestAnimationFrame = () => 0;
      Object.defineProperty(document, 'visibilityState', { value: 'hidden', configurable: true });
      document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
    }`);
    answer.say('hidden ');
    await chat.shows('shown hidden ', 'streaming');
    await page.evaluate(`{
      window.requestAnimationFrame = window.drawn;
      delete document.visibilityState;
      document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
    }`);
    answer.say('shown');
    answer.finish();
    await chat.shows('shown hidden shown', 'ready');
    expect(app.asked).toEqual(['POST']);
  });

  test('Stop ends the answer at its upstream, and what has come stays and is said to be incomplete', async () => {
    const { page, chat } = await open();
    await chat.send();
    const answer = await onlyAnswer();
    answer.say('half ');
    await chat.shows('half ', 'streaming');
    await chat.button('Stop').click();
    await chat.shows('half  (incomplete)', 'ready');
    await until('the upstream is left', waitMs, () => answer.isLeft() || undefined);
    expect(app.asked).toEqual(['POST', 'DELETE']);
    await page.reload();
    await chat.shows('half  (incomplete)', 'ready');
    await chat.button('Regenerate').click();
    const again = await upstream.answer(before + 1);
    expect(again.messages).toEqual([{ role: 'user', content: 'Say it.' }]);
    again.say('whole');
    again.finish();
    await chat.shows('whole', 'ready');
  });

  test('Stop after a reload ends the answer too', async () => {
    const { page, chat } = await open();
    await chat.send();
    const answer = await onlyAnswer();
    answer.say('half ');
    await chat.shows('half ', 'streaming');
    await page.reload();
    await chat.shows('half ', 'streaming');
    await chat.button('Stop').click();
    await until('the upstream is left', waitMs, () => answer.isLeft() || undefined);
    await chat.shows('half  (incomplete)', 'ready');
  });

  test('a component that unmounts in mid-answer finds it again', async () => {
    const { page, chat } = await open();
    await chat.send();
    const answer = await onlyAnswer();
    answer.say('one ');
    await chat.shows('one ', 'streaming');
    await page.getByRole('button', { name: 'Hide' }).click();
    answer.say('two ');
    await page.getByRole('button', { name: 'Show' }).click();
    await chat.shows('one two ', 'streaming');
    answer.finish();
    await chat.shows('one two ', 'ready');
    expect(app.asked).toEqual(['POST']);
  });

  test('an answer that was cut is an error with its beginning, and not a whole one', async () => {
    const { page, chat } = await open();
    await chat.send();
    const answer = await onlyAnswer();
    answer.say('half ');
    await chat.shows('half ', 'streaming');
    answer.cut();
    await chat.shows('half  (incomplete)', 'error');
    expect(await page.evaluate('watched.calls')).toEqual([expect.stringMatching(/^first error/)]);
  });

  test('a page with a client asks a Tailrace itself, and reads on after a reload without the key', async () => {
    const { page, chat } = await open(`/?key=${testKey}&url=${encodeURIComponent(`${tailrace.url}/v1`)}`);
    await chat.send();
    const answer = await onlyAnswer();
    answer.say('one ');
    await chat.shows('one ', 'streaming');
    expect(await page.evaluate<string>('JSON.stringify({ ...sessionStorage })')).not.toContain(testKey);
    await page.reload();
    await chat.shows('one ', 'streaming');
    answer.say('two');
    answer.finish();
    await chat.shows('one two', 'ready');
    expect(app.asked).toEqual([]);
  });

  test('a completion is one prompt and its text, over a reload', async () => {
    const { page, chat } = await open('/?view=completion');
    await chat.send();
    const answer = await onlyAnswer();
    expect(answer.messages).toEqual([{ role: 'user', content: 'Complete it.' }]);
    answer.say('one ');
    await chat.shows('one ', 'streaming');
    await page.reload();
    answer.say('two');
    answer.finish();
    await chat.shows('one two', 'whole');
    await chat.send();
    const next = await upstream.answer(before + 1);
    expect(next.messages).toHaveLength(1);
    next.say('other');
    next.finish();
    await chat.shows('other', 'whole');
  });
});
