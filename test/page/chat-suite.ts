import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished } from 'vitest';
import { startBrowser } from '../support/browser.ts';
import { labFiles, labModels, labUpstreams, oneAttempt } from '../support/lab.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { type OpenOptions, openPage, type PlaygroundPage } from './page.ts';

/** Answers that depend on how the request ends. */
const answers = [
  {
    when: { model: 'long', last_role: 'assistant' },
    steps: [{ text: ['down', 'hill.'] }, { finish: 'stop' }],
  },
  { when: { model: 'long' }, steps: [{ text: ['Rivers ', 'carry water '] }, { finish: 'length' }] },
  { when: { model: 'other' }, steps: [{ text: ['The sea ', 'is wide.'] }, { finish: 'stop' }] },
];

export interface ChatSuite {
  server(): TestServer;
  /** Opens the page in a context of its own, which is closed at the end of the test. */
  open(options?: OpenOptions): Promise<PlaygroundPage>;
}

/** A server with the models of the lab and two of its own, and a browser, for the tests of one `describe`. */
export function startChatSuite(): ChatSuite {
  let server: TestServer;
  let browser: Browser;
  beforeAll(async () => {
    [server, browser] = await Promise.all([
      startServer({
        model: 'none',
        config: {
          ...oneAttempt,
          upstreams: { ...labUpstreams, own: { kind: 'scripted', script: './own.yaml' } },
          models: {
            ...labModels,
            long: { targets: [{ upstream: 'own', model: 'long' }] },
            other: { targets: [{ upstream: 'own', model: 'other' }] },
          },
        },
        files: { ...labFiles, 'own.yaml': { answers } },
      }),
      startBrowser(),
    ]);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
  });
  return {
    server: () => server,
    async open(options = {}) {
      const page = await openPage(browser, server, options);
      onTestFinished(async () => {
        await page.close();
        expect(page.offences).toEqual([]);
      });
      return page;
    },
  };
}
