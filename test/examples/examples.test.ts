// Each example as its reader starts it, against a real Tailrace: pages in Chromium, routes by HTTP.

import { createSseDecoder } from '@tailrace/protocol';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startBrowser, withoutBrowser } from '../support/browser.ts';
import { labFiles, labModels, labUpstreams, oneAttempt } from '../support/lab.ts';
import { untilNoneLive } from '../support/live-streams.ts';
import { startServer, type TestServer } from '../support/server.ts';
import {
  type ExampleApp,
  exampleFile,
  hasNextExample,
  runExample,
  startExample,
  withoutExamples,
} from './example-app.ts';
import { type FilesServer, serveFiles } from './files-server.ts';

const waitMs = 60_000;
const realModel = 'smollm2-135m-instruct';
const plainAnswer = 'Rivers carry water downhill.';
const messages = [{ role: 'user', content: 'Why do rivers bend?' }];

/** Numbers, a minute long: no test waits for its end, and a gap or a repetition shows. */
const counting = {
  answers: [
    {
      when: { model: 'counting' },
      steps: [
        ...Array.from({ length: 3_000 }, (_, number) => [{ text: [`${number} `] }, { wait: '20ms' }]).flat(),
        { finish: 'stop' },
      ],
    },
  ],
};
const countedTo = (text: string): string =>
  Array.from(text.trim().split(' '), (_, number) => number).join(' ');

const reasons = [withoutExamples, withoutBrowser].filter((reason) => reason !== undefined);

describe.skipIf(reasons.length > 0)(['the examples', ...reasons].join(': '), () => {
  let server: TestServer;
  let browser: Browser;
  beforeAll(async () => {
    [server, browser] = await Promise.all([
      startServer({
        model: 'default',
        sequences: 2,
        files: { ...labFiles, 'counting.yaml': counting },
        config: {
          upstreams: { ...labUpstreams, count: { kind: 'scripted', script: './counting.yaml' } },
          models: { ...labModels, counting: { targets: [{ upstream: 'count', model: 'counting' }] } },
          ...oneAttempt,
        },
      }),
      startBrowser(),
    ]);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
  });

  const start = (name: string, program: readonly [string, ...string[]], model: string) =>
    startExample(name, program, { server, model });

  async function openPage(url: string): Promise<Page> {
    const page = await browser.newPage();
    page.setDefaultTimeout(waitMs);
    await page.goto(url);
    return page;
  }

  const textOf = (page: Page, role: string): Promise<string | null> =>
    page.locator(role).first().textContent({ timeout: waitMs });

  describe('Express', () => {
    let app: ExampleApp;
    beforeAll(async () => {
      app = await start('express', ['server.js'], 'lab/plain');
    });
    afterAll(async () => await app?.stop());

    test('its page shows the answer as it comes', async () => {
      const page = await openPage(app.url);
      await page.getByRole('button', { name: 'Ask' }).click();
      await expect.poll(() => textOf(page, '[role=status]'), { timeout: waitMs }).toBe(plainAnswer);
      await page.close();
    });

    test('its route says what is wrong with a request', async () => {
      const response = await post(`${app.url}/api/chat`, { messages: 'Hi' });
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({ error: { code: 'invalid_type', param: 'messages' } });
    });
  });

  describe('Hono, with the real model', () => {
    let app: ExampleApp;
    beforeAll(async () => {
      app = await start('hono', ['server.js'], realModel);
    });
    afterAll(async () => await app?.stop());

    test('its own route streams a text', async () => {
      const response = await fetch(`${app.url}/haiku?about=rain`);
      expect([response.status, response.headers.get('content-type')]).toEqual([
        200,
        'text/plain; charset=utf-8',
      ]);
      expect((await response.text()).length).toBeGreaterThan(10);
    });

    test('a chat that its page has left is read on at its address, and stopped there', async () => {
      // The real model answers this for longer than the test reads.
      const content = 'Write the numbers from one to five hundred, each as a word.';
      const left = await post(`${app.url}/api/chat`, { messages: [{ role: 'user', content }] });
      const address = new URL(left.headers.get('tailrace-stream-url') ?? '', left.url);
      expect(address.origin).toBe(app.url);
      await left.body?.cancel();

      address.searchParams.set('offset', '-1');
      address.searchParams.set('live', 'sse');
      const back = await fetch(address);
      expect(back.status).toBe(200);
      const reader = back.body?.pipeThrough(new TextDecoderStream()).getReader();
      let seen = '';
      let stopped = false;
      for (;;) {
        const { done, value } = (await reader?.read()) ?? { done: true };
        if (done) break;
        seen += value;
        if (stopped || !seen.includes('event: data')) continue;
        stopped = true;
        expect((await fetch(address, { method: 'DELETE' })).status).toBe(204);
      }
      expect(stopped).toBe(true);
      // Short of this the model had ended by itself before it was stopped.
      expect(seen).toMatch(/completion_cancelled|"finish_reason":"(stop|length)"/);
      await untilNoneLive(server);
    });
  });

  describe('Cloudflare worker', () => {
    let app: ExampleApp;
    beforeAll(async () => {
      app = await start('cloudflare-worker', ['dev.js'], 'lab/paced');
    });
    afterAll(async () => await app?.stop());

    test('its route streams an answer, and gives the rest of it at the address', async () => {
      const response = await post(`${app.url}/api/chat`, { messages });
      expect([response.status, response.headers.get('content-type')]).toEqual([
        200,
        'text/event-stream; charset=utf-8',
      ]);
      const events = eventsOf(await response.text());
      const text = 'Über die Brücke 日本 😀\n\ndata: [DONE]';
      expect(events.map(contentOf).join('')).toBe(text);
      expect(events.at(-1)).toBe('[DONE]');

      const address = new URL(response.headers.get('tailrace-stream-url') ?? '', `${app.url}/api/chat`);
      address.searchParams.set('offset', '000000000003');
      const rest = (await (await fetch(address)).json()) as unknown[];
      const readBefore = events.slice(0, 3).map(contentOf).join('');
      expect(readBefore + rest.map((chunk) => contentOf(JSON.stringify(chunk))).join('')).toBe(text);

      address.searchParams.set('signature', 'f'.repeat(64));
      expect((await fetch(address)).status).toBe(404);
    });

    test('what is no route is not found, and what no method of it is not allowed', async () => {
      expect((await fetch(app.url)).status).toBe(404);
      expect((await fetch(`${app.url}/api/chat`, { method: 'PUT', body: '{}' })).status).toBe(405);
    });
  });

  describe('plain HTML', () => {
    let files: FilesServer;
    beforeAll(async () => {
      files = await serveFiles(exampleFile());
    });
    afterAll(() => files?.stop());

    test('the browser streams an answer by itself', async () => {
      const page = await openPage(`${files.url}/plain-html/`);
      await page.getByLabel('Address').fill(`${server.baseUrl}/v1`);
      await page.getByLabel('Key').fill(server.apiKey);
      await page.getByLabel('Model').fill('lab/paced');
      await page.getByRole('button', { name: 'Ask' }).click();
      const text = 'Über die Brücke 日本 😀\n\ndata: [DONE]';
      await expect.poll(() => textOf(page, '[role=status]'), { timeout: waitMs }).toBe(text);
      await page.close();
    });

    test('it shows an answer that breaks off as broken, and stops one that has no end', async () => {
      const page = await openPage(`${files.url}/plain-html/`);
      await page.getByLabel('Address').fill(`${server.baseUrl}/v1`);
      await page.getByLabel('Key').fill(server.apiKey);
      await page.getByLabel('Model').fill('lab/cut');
      await page.getByRole('button', { name: 'Ask' }).click();
      await expect
        .poll(() => textOf(page, '[role=status]'), { timeout: waitMs })
        .toMatch(/^Rivers carry {2}\[.*\]$/);

      await page.getByLabel('Model').fill('lab/endless');
      await page.getByRole('button', { name: 'Ask' }).click();
      await expect.poll(() => textOf(page, '[role=status]'), { timeout: waitMs }).toMatch(/^drop drop/);
      await page.getByRole('button', { name: 'Stop' }).click();
      await untilNoneLive(server);
      await page.close();
    });
  });

  describe('Vite and React', () => {
    let app: ExampleApp;
    beforeAll(async () => {
      const vite = exampleFile('node_modules/vite/bin/vite.js');
      const built = runExample('vite-react', [vite, 'build']);
      expect((await built.exited).code, built.stderr()).toBe(0);
      app = await start('vite-react', [vite, 'preview'], 'counting');
    });
    afterAll(async () => await app?.stop());

    test('a page that is loaded again shows the same answer, which goes on until it is stopped', async () => {
      await chatThroughReload(await openPage(app.url));
    });
  });

  if (hasNextExample) {
    describe('Next.js', () => {
      let app: ExampleApp;
      beforeAll(async () => {
        const next = exampleFile('nextjs/node_modules/next/dist/bin/next');
        const built = runExample('nextjs', [next, 'build'], { NEXT_TELEMETRY_DISABLED: '1' });
        expect((await built.exited).code, built.stdout() + built.stderr()).toBe(0);
        app = await start('nextjs', [next, 'start', '--hostname', '127.0.0.1'], 'counting');
      });
      afterAll(async () => await app?.stop());

      test('a page that is loaded again shows the same answer, which goes on until it is stopped', async () => {
        await chatThroughReload(await openPage(app.url));
      });

      test('its page cannot bring instructions of its own', async () => {
        const response = await post(`${app.url}/api/chat`, {
          messages: [{ role: 'system', content: 'No.' }],
        });
        expect(response.status).toBe(400);
        expect(await response.json()).toMatchObject({ error: { param: 'messages[0].role' } });
      });
    });
  }

  /** A page with `useChat`: asks, loads it again in the middle of the answer, and stops it. */
  async function chatThroughReload(page: Page): Promise<void> {
    const answer = async (): Promise<string> => (await textOf(page, '[data-role=assistant]')) ?? '';
    const numbers = async (): Promise<number> => (await answer()).trim().split(' ').length;
    await page.getByRole('button', { name: 'Ask' }).click();
    await expect.poll(numbers, { timeout: waitMs }).toBeGreaterThan(10);
    await page.reload();
    const before = await numbers();
    await expect.poll(numbers, { timeout: waitMs }).toBeGreaterThan(before + 20);
    await page.getByRole('button', { name: 'Stop' }).click();
    await untilNoneLive(server);
    await page.getByRole('button', { name: 'Ask', disabled: false }).waitFor();
    const whole = (await answer()).trim();
    expect(whole).toBe(countedTo(whole));
    await page.close();
  }
});

function post(url: string, body: object): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

/** The data of each event. */
function eventsOf(body: string): string[] {
  const events: string[] = [];
  const decoder = createSseDecoder({}, (item) => {
    if (item.type === 'event') events.push(item.data);
  });
  decoder.push(new TextEncoder().encode(body));
  decoder.end();
  return events;
}

/** The text in a chunk. */
function contentOf(data: string): string {
  if (data === '[DONE]') return '';
  const { choices } = JSON.parse(data) as { choices: { delta: { content?: string } }[] };
  return choices[0]?.delta.content ?? '';
}
