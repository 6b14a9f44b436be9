import { readFile } from 'node:fs/promises';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { startBrowser, withoutBrowser } from '../support/browser.ts';
import { labFiles, labModels, labUpstreams, oneAttempt } from '../support/lab.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { looks, looksRight } from './axe.ts';
import { openPage, type PlaygroundPage } from './page.ts';

const reason = withoutBrowser === undefined ? '' : ` (skipped: ${withoutBrowser})`;

type Entry = Readonly<Record<string, unknown>>;

interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly points: readonly (readonly [number, number])[];
}

describe.skipIf(withoutBrowser !== undefined)(`overview, usage and live streams${reason}`, () => {
  let server: TestServer;
  let browser: Browser;
  /** Two keys of two owners. */
  let keys: readonly { readonly id: string; readonly key: string; readonly owner: string }[];
  const requests = new AbortController();
  beforeAll(async () => {
    [server, browser] = await Promise.all([
      startServer({
        model: 'default',
        config: {
          ...oneAttempt,
          upstreams: labUpstreams,
          models: {
            ...labModels,
            'lab/priced': {
              targets: [{ upstream: 'lab', model: 'plain' }],
              price: { input: 1, output: 1_000 },
            },
          },
        },
        files: labFiles,
      }),
      startBrowser(),
    ]);
    keys = await Promise.all([
      makeKey({ name: 'checkout assistant', owner: 'acme' }),
      makeKey({ name: 'notebook', owner: 'research' }),
    ]);
  });
  afterAll(async () => {
    requests.abort();
    await browser?.close();
    await server?.stop();
  });

  async function makeKey(fields: object): Promise<(typeof keys)[number]> {
    const response = await fetch(`${server.baseUrl}/admin/v1/keys`, {
      method: 'POST',
      headers: { authorization: `Bearer ${server.adminKey}`, 'content-type': 'application/json' },
      body: JSON.stringify(fields),
    });
    return (await response.json()) as (typeof keys)[number];
  }

  async function admin(path: string): Promise<Response> {
    return await fetch(server.baseUrl + path, { headers: { authorization: `Bearer ${server.adminKey}` } });
  }

  async function list<Of = Entry>(path: string): Promise<readonly Of[]> {
    return ((await (await admin(path)).json()) as { data: readonly Of[] }).data;
  }

  /** Asks as a client does, and resolves with all that it gets. */
  async function complete(model: string, by: number, more: object = {}): Promise<string> {
    const response = await fetch(`${server.baseUrl}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${keys[by]?.key}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        ...{ model, stream: true, messages: [{ role: 'user', content: 'Hello' }] },
        ...more,
      }),
      signal: requests.signal,
    });
    return await response.text();
  }

  async function open(
    view: string,
    options: Omit<Parameters<typeof openPage>[2], 'key' | 'address'> = {},
  ): Promise<PlaygroundPage> {
    const address = `${server.baseUrl}/#/console/${view}`;
    const page = await openPage(browser, server, { ...options, key: server.adminKey, address });
    onTestFinished(async () => {
      await page.close();
      expect(page.offences).toEqual([]);
    });
    return page;
  }

  test('a server without requests says how to begin, and shows no blank axes', async () => {
    const { page } = await open('overview');
    await page.getByRole('heading', { name: 'No requests in the last 24 hours' }).waitFor();
    expect(await page.getByRole('main').locator('canvas').count()).toBe(0);
    await page.getByRole('main').getByRole('link', { name: 'Playground' }).click();
    await page.getByRole('textbox', { name: 'Message' }).waitFor();
  });

  test('a live stream is listed with what it has until now, and is cancelled after a question that names it', async () => {
    const { page, button } = await open('streams');
    await page.getByText('Nothing is running').waitFor();
    const answer = complete('lab/endless', 0);
    const table = page.getByRole('table', { name: 'Live streams' });
    const row = table.getByRole('row').filter({ hasText: 'lab/endless' });
    await row.waitFor();
    const [stream] = await list('/admin/v1/streams');
    const id = String(stream?.['id']);
    expect(await cellsOf(row)).toEqual([
      ...[id, 'lab/endless', 'lab/endless', 'checkout assistant', 'acme'],
      ...[expect.stringMatching(/^\d+ s$/), expect.stringMatching(/^\d+$/), expect.any(String), 'Cancel'],
    ]);
    const tokens = async (): Promise<number> => Number((await cellsOf(row))[6]);
    const before = await tokens();
    await vi.waitFor(async () => expect(await tokens()).toBeGreaterThan(before), { timeout: 10_000 });
    await row.getByRole('button', { name: 'Cancel' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText(id).waitFor();
    await button('Keep it').click();
    expect(await list('/admin/v1/streams')).toHaveLength(1);
    await row.getByRole('button', { name: 'Cancel' }).press('Enter');
    await dialog.getByRole('button', { name: 'Cancel stream' }).press('Enter');
    await page.getByText('Nothing is running').waitFor();
    expect(await answer).toContain('completion_cancelled');
    expect(await page.getByRole('status').innerText()).toBe(`Stream ${id} is cancelled.`);
    expect((await list(`/admin/v1/requests?limit=1`))[0]).toMatchObject({ id, status: 'cancelled' });
  });

  test('usage has the sums of the API by what one chooses, in the page, in its address and as CSV', async () => {
    await Promise.all([
      complete('lab/priced', 0),
      complete('lab/priced', 0),
      complete('lab/cut', 1),
      complete('smollm2-135m-instruct', 1, { max_tokens: 8, user: 'ada' }),
    ]);
    const { page, button } = await open('usage');
    const table = page.getByRole('table', { name: 'Usage' });
    await page.getByRole('combobox', { name: 'By' }).selectOption('Owner');
    await table.getByRole('row', { name: 'acme' }).waitFor();
    await button('Tokens').click();
    await button('Today').click();
    const kept = '#/console/usage?group=owner&show=tokens&period=today';
    await vi.waitFor(() => expect(page.url()).toBe(`${server.baseUrl}/${kept}`));
    await page.getByRole('list', { name: 'Legend of Tokens by hour' }).getByText('research').waitFor();
    const rows = await list('/admin/v1/usage?group_by=owner&since=24h');
    for (const row of rows) {
      const [owner, sent, prompt, cached, completion, reasoning, cost] = await cellsOf(
        table.getByRole('row', { name: String(row['owner']) }),
      );
      expect({ owner, sent, prompt, cached, completion, reasoning }).toEqual({
        owner: row['owner'],
        sent: String(row['requests']),
        prompt: String(row['prompt_tokens']),
        cached: String(row['cached_tokens']),
        completion: String(row['completion_tokens']),
        reasoning: String(row['reasoning_tokens']),
      });
      expect(Number(cost?.slice(1)) * 1_000_000).toBeCloseTo(Number(row['cost_micro_usd']), -2);
    }
    expect(await table.getByRole('row').count()).toBe(rows.length + 2);
    const saved = page.waitForEvent('download');
    await button('Download CSV').click();
    const download = await saved;
    expect(download.suggestedFilename()).toMatch(/^usage-by-owner-\d{4}-\d\d-\d\d-\d{4}-\d\d-\d\d\.csv$/);
    const csv = await readFile(await download.path(), 'utf8');
    expect(csv).toBe(await (await admin('/admin/v1/usage?group_by=owner&since=24h&format=csv')).text());
    await page.reload();
    await table.getByRole('row', { name: 'acme' }).waitFor();
    expect(page.url()).toBe(`${server.baseUrl}/${kept}`);
    await table.getByRole('row', { name: 'acme' }).getByRole('button').press('Enter');
    await vi.waitFor(() => expect(page.url()).toContain('#/console/requests?owner=acme&since='));
  });

  test('the figures, the charts and the targets of the overview are those of the API', async () => {
    // The figures of a step are there when its ten seconds are over.
    await vi.waitFor(
      async () => {
        const ended = await list<Series>('/admin/v1/series?names=requests_ended&since=1h&step=24h');
        const statuses = new Set(ended.map(({ labels }) => labels['status']));
        expect(statuses).toEqual(new Set(['cancelled', 'completed', 'cut']));
      },
      { timeout: 30_000, interval: 500 },
    );
    const { page } = await open('overview');
    const asked = await list<Series>(
      '/admin/v1/series?names=requests_started,target_attempts,target_failures&since=24h&step=24h',
    );
    const sum = (name: string, model?: string): number =>
      asked
        .filter(({ name: one, labels }) => one === name && labels['model'] === model)
        .flatMap(({ points }) => points)
        .reduce((all, [, value]) => all + value, 0);
    const figures = page.locator('dl[aria-label="Figures"] > div');
    const figure = (name: string): Promise<string[]> =>
      figures.filter({ hasText: name }).getByRole('definition').allTextContents();
    await vi.waitFor(async () => expect((await figure('Requests'))[0]).toBe(String(sum('requests_started'))));
    expect((await figure('Requests'))[1]).toMatch(/^2 errors, /);
    const [spent] = await list('/admin/v1/usage?since=24h');
    const shown = Number((await figure('Spend today'))[0]?.slice(1));
    expect(shown * 1_000_000).toBeCloseTo(Number(spent?.['cost_micro_usd']), -2);
    expect((await figure('TTFT'))[0]).toMatch(/^\d+ ms$|^\d+\.\d\d s$/);
    expect((await figure('Memory'))[0]).toMatch(/ MiB$/);
    const errors = page.getByRole('figure', { name: 'Errors by code' });
    expect(await errors.getByRole('listitem').allTextContents()).toEqual(
      expect.arrayContaining(['upstream_cut1', 'completion_cancelled1']),
    );
    const targets = page.getByRole('table', { name: 'Targets' });
    for (const model of ['cut', 'plain', 'endless']) {
      const [name, state, , attempts, failures] = await cellsOf(
        targets.getByRole('row', { name: `lab/${model}` }),
      );
      expect([name, state, attempts, failures]).toEqual([
        ...[`lab/${model}`, 'healthy', String(sum('target_attempts', model))],
        String(sum('target_failures', model)),
      ]);
    }
    expect(
      await targets.getByRole('row', { name: 'lab/plain' }).getByRole('img').getAttribute('aria-label'),
    ).toMatch(/^In 24 hours healthy for \d+ min/);
    await page.getByRole('button', { name: '15 min' }).press('Enter');
    await vi.waitFor(() => expect(page.url()).toContain('#/console/overview?range=15m'));
  });

  test('a chart shows the values at the pointer, says the same in words, and follows the scheme', async () => {
    const { page } = await open('overview?range=15m', { colorScheme: 'light' });
    const memory = page.getByRole('figure', { name: 'Memory' });
    await memory.getByText(/resident: (last|[\d.]+ MiB all)/).waitFor();
    // The newest points are at the right.
    const over = memory.locator('.u-over');
    const { width = 0 } = (await over.boundingBox()) ?? {};
    await over.hover({ position: { x: width - 2, y: 20 } });
    await memory.getByText(/^\d\d:\d\d:\d\d$/).waitFor();
    expect(await coloursOf(page, 'Memory')).toContain('13,107,100');
    await page.emulateMedia({ colorScheme: 'dark' });
    await vi.waitFor(async () => expect(await coloursOf(page, 'Memory')).toContain('92,200,187'));
    expect(await memory.locator('[tabindex]').count()).toBe(0);
  });

  test('axe finds nothing, and nothing is cut off, in light and dark, wide and narrow', async () => {
    const { page, button } = await open('overview');
    const check = async (view: string): Promise<void> => {
      for (const [colorScheme, width] of looks) {
        const where = `${view}, ${colorScheme}, ${width}`;
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize({ width, height: 844 });
        await looksRight(page, where);
        const excess = `(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)(document.querySelector('main'))`;
        expect(await page.evaluate(excess), where).toBe(0);
      }
    };
    await page.getByRole('table', { name: 'Targets' }).waitFor();
    await check('Overview');
    await page.getByRole('link', { name: 'Usage' }).click();
    await page.getByRole('table', { name: 'Usage' }).waitFor();
    await button('Custom').click();
    await page.getByLabel('From').waitFor();
    await check('Usage');
    await page.getByRole('link', { name: 'Live streams' }).click();
    const answer = complete('lab/endless', 1);
    const row = page.getByRole('row').filter({ hasText: 'lab/endless' });
    await row.waitFor();
    await check('Live streams');
    await row.getByRole('button', { name: 'Cancel' }).click();
    await check('the question before a stream is cancelled');
    await button('Cancel stream').click();
    await answer;
  });
});

async function cellsOf(row: Locator): Promise<string[]> {
  const texts = await row.locator('th, td').allTextContents();
  return texts.map((text) => text.trim());
}

/** The colours in the canvas of a chart, as `red,green,blue`. */
async function coloursOf(page: Page, chart: string): Promise<string> {
  return await page.evaluate<string>(`(() => {
    const canvas = document.querySelector('figure[aria-label="${chart}"] canvas');
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    const seen = new Set();
    for (let at = 0; at < data.length; at += 4)
      if (data[at + 3] === 255) seen.add(data.slice(at, at + 3).join());
    return [...seen].join(' ');
  })()`);
}
