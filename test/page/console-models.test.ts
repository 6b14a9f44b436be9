import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { startBrowser, withoutBrowser } from '../support/browser.ts';
import { labFiles, labModels, labUpstreams } from '../support/lab.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { looks, looksRight } from './axe.ts';
import { complete, openView } from './console.ts';
import type { PlaygroundPage } from './page.ts';

const reason = withoutBrowser === undefined ? '' : ` (skipped: ${withoutBrowser})`;

describe.skipIf(withoutBrowser !== undefined)(`models and their targets in the console${reason}`, () => {
  let server: TestServer;
  let browser: Browser;
  beforeAll(async () => {
    [server, browser] = await Promise.all([
      startServer({
        model: 'random',
        config: {
          retry: { per_target: 1, total: 6 },
          breaker: { failures: 1, probe_every: '60s' },
          upstreams: {
            ...labUpstreams,
            // Nothing listens there.
            away: { kind: 'openai', base_url: 'http://127.0.0.1:9/v1' },
            claude: { kind: 'anthropic', api_key: 'unused' },
          },
          models: {
            'acme/chat': {
              aliases: ['chat'],
              targets: [
                { upstream: 'away', model: 'large', weight: 2, takeover: 'replay' },
                { upstream: 'lab', model: 'plain', priority: 1 },
              ],
              fallbacks: ['random'],
              price: { input: 0.15, output: 0.6 },
              context: 8_192,
            },
            'acme/careful': { targets: [{ upstream: 'claude', model: 'claude-sonnet-4-5' }] },
            'lab/steady': labModels['lab/steady'],
          },
        },
        files: labFiles,
      }),
      startBrowser(),
    ]);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
  });

  const open = (options: Parameters<typeof openView>[3] = {}): Promise<PlaygroundPage> =>
    openView(browser, server, '#/console/models', options);

  test('each model has its names, context, price and fallbacks, and its targets with what they honour', async () => {
    const { page } = await open();
    await page.getByRole('heading', { name: 'Models', level: 2 }).waitFor();
    const model = page.getByRole('region', { name: 'acme/chat', exact: true });
    await model.waitFor();
    const words = await model.innerText();
    for (const word of ['chat, default', '8,192 tokens', 'by weight', 'random', '$0.15 in · $0.60 out'])
      expect(words).toContain(word);
    const target = model.getByRole('row').filter({ hasText: 'away/large' });
    expect((await target.getByRole('cell').allInnerTexts()).slice(1, 6)).toEqual([
      '0',
      '0',
      '0',
      '2',
      'replay',
    ]);
    expect(await target.innerText()).toContain('tools, structured output');
    const careful = page.getByRole('region', { name: 'acme/careful' }).getByRole('row').last();
    expect(await careful.innerText()).toContain('tools, structured output, images');
    expect(await careful.innerText()).not.toContain('logprobs');
    const link = model.getByRole('link', { name: 'Requests of acme/chat' });
    expect(await link.getAttribute('href')).toBe('#/console/requests?model=acme%2Fchat');
  });

  test('a model of the engine says its file, its sequences and its context', async () => {
    const { page } = await open();
    const model = page.getByRole('region', { name: 'random', exact: true });
    await model.getByText('512 tokens').waitFor();
    expect(await model.getByRole('row').last().innerText()).toMatch(
      /engine\/random[\s\S]*\.gguf · 2 sequences/,
    );
  });

  test('a target that fails is shown unhealthy by itself, with when it is tried again; the others stay', async () => {
    const { page } = await open();
    const targets = page.getByRole('table', { name: 'Targets of acme/chat' });
    const target = targets.getByRole('row').filter({ hasText: 'away/large' });
    await target.getByText('healthy').waitFor();
    expect((await complete(server, server.apiKey, 'acme/chat')).status).toBe(200);
    await target.getByText('breaker open').waitFor();
    await target.getByText(/probed in \d+ s/).waitFor();
    expect(await target.getByRole('cell').nth(2).innerText()).toBe('1');
    await targets.getByRole('row').filter({ hasText: 'lab/plain' }).getByText('healthy').waitFor();
    await page.getByRole('status').getByText('1 unhealthy').waitFor();
  });

  test('requests under way are counted at their target', async () => {
    const { page } = await open();
    const target = page.getByRole('table', { name: 'Targets of lab/steady' }).getByRole('row').last();
    await target.waitFor();
    const inFlight = async (): Promise<string> => await target.getByRole('cell').nth(1).innerText();
    let isOver = false;
    const answers = (async () => {
      while (!isOver) await complete(server, server.apiKey, 'lab/steady');
    })();
    await vi.waitFor(async () => expect(await inFlight()).toBe('1'), { timeout: 20_000 });
    isOver = true;
    await answers;
  });

  test('a model is found by its name, alias or target', async () => {
    const { page } = await open();
    await page.getByRole('heading', { name: 'acme/chat' }).waitFor();
    const shown = async (): Promise<string[]> =>
      await page.getByRole('heading', { level: 3 }).allInnerTexts();
    for (const [text, models] of [
      ['steady', ['lab/steady']],
      ['claude', ['acme/careful']],
      ['CHAT', ['acme/chat']],
      ['nothing', []],
    ] as const) {
      await page.getByRole('searchbox', { name: 'Find a model' }).fill(text);
      await vi.waitFor(async () => expect(await shown()).toEqual(models));
    }
  });

  test.each(looks)(
    'axe finds nothing, and nothing is cut off, %s at %i pixels',
    async (colorScheme, width) => {
      const { page } = await open({ colorScheme, viewport: { width, height: 844 } });
      await page.getByText('breaker open').waitFor();
      await looksRight(page, 'Models');
    },
  );
});
