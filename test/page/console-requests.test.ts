import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { startBrowser, withoutBrowser } from '../support/browser.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { looks, looksRight } from './axe.ts';
import { complete, storyConfig, storyFiles } from './console-stories.ts';
import { type OpenOptions, openConsole } from './page.ts';

const reason = withoutBrowser === undefined ? '' : ` (skipped: ${withoutBrowser})`;

describe.skipIf(withoutBrowser !== undefined)(`the requests of the console in Chromium${reason}`, () => {
  let server: TestServer;
  let browser: Browser;
  let ofCi: string;
  const ids: Record<string, string> = {};
  beforeAll(async () => {
    [server, browser] = await Promise.all([
      startServer({ model: 'default', config: storyConfig, files: storyFiles }),
      startBrowser(),
    ]);
    const made = await admin('/admin/v1/keys', { name: 'ci', owner: 'acme' });
    ofCi = String(made['id']);
    const ci = { key: String(made['key']), user: 'user-17', tags: 'team=blue' };
    for (const model of [
      'lab/plain',
      'lab/cut',
      'lab/refused',
      'story/failover',
      'story/hedge',
      'story/takeover',
    ])
      ids[model] = (await complete(server, model)) ?? '';
    ids['of ci'] = (await complete(server, 'lab/plain', ci)) ?? '';
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
  });

  async function admin(path: string, json?: unknown): Promise<Readonly<Record<string, unknown>>> {
    const response = await fetch(server.baseUrl + path, {
      headers: { authorization: `Bearer ${server.adminKey}`, 'content-type': 'application/json' },
      ...(json === undefined ? {} : { method: 'POST', body: JSON.stringify(json) }),
    });
    return (await response.json()) as Readonly<Record<string, unknown>>;
  }

  /** Opens the console at a view. */
  async function open(fragment: string, options: OpenOptions = {}): Promise<ConsolePage> {
    const opened = await openConsole(browser, server, fragment, options);
    const { page } = opened;
    onTestFinished(async () => {
      await opened.close();
      expect(opened.offences).toEqual([]);
    });
    return {
      page,
      rows: page.getByRole('table', { name: 'Requests' }).locator('tbody tr'),
      story: page.getByRole('complementary', { name: 'Request' }),
    };
  }
  interface ConsolePage {
    readonly page: Page;
    readonly rows: Locator;
    readonly story: Locator;
  }
  const button = (page: Page, name: string): Locator => page.getByRole('button', { name, exact: true });

  test('every request is listed, newest first, with its status as a word', async () => {
    const { page, rows } = await open('#/console/requests');
    await page.getByRole('heading', { level: 2, name: 'Requests' }).waitFor();
    await vi.waitFor(async () => expect(await rows.count()).toBe(7));
    const texts = await rows.allInnerTexts();
    expect(texts[0]).toContain('lab/plain');
    expect(texts[0]).toContain('ci');
    expect(texts[0]).toContain('acme');
    expect(texts[1]).toMatch(/completed\s+story\/takeover\s+engine\/smollm2-135m-instruct/);
    expect(texts[1]).toContain('$0.0000');
    expect(texts[4]).toMatch(/failed\s+lab\/refused/);
    expect(texts[5]).toMatch(/cut\s+lab\/cut/);
  });

  test('filters filter, stay in the address, and the history takes them back', async () => {
    const { page, rows } = await open('#/console/requests');
    const shows = (...models: string[]) =>
      vi.waitFor(async () => {
        expect(await rows.locator('td:nth-child(3)').allInnerTexts()).toEqual(models);
      });
    await vi.waitFor(async () => expect(await rows.count()).toBe(7));
    await page.getByRole('combobox', { name: 'Status' }).selectOption('completed');
    await shows('lab/plain', 'story/takeover', 'story/hedge', 'story/failover', 'lab/plain');
    await page.getByRole('combobox', { name: 'Owner' }).fill('acme');
    await shows('lab/plain');
    expect(page.url()).toContain('#/console/requests?owner=acme&status=completed');
    await page.goBack();
    await shows('lab/plain', 'story/takeover', 'story/hedge', 'story/failover', 'lab/plain');
    await page.goBack();
    await vi.waitFor(async () => expect(await rows.count()).toBe(7));
    for (const [role, name, value, model] of [
      ['combobox', 'Model', 'lab/cut', 'lab/cut'],
      ['combobox', 'Key', ofCi, 'lab/plain'],
      ['textbox', 'User', 'user-17', 'lab/plain'],
      ['textbox', 'Tag', 'team=blue', 'lab/plain'],
    ] as const) {
      await page.getByRole(role, { name }).fill(value);
      await shows(model);
      await page.getByRole('link', { name: 'Clear the filter' }).click();
      await vi.waitFor(async () => expect(await rows.count()).toBe(7));
    }
    await page.getByRole('textbox', { name: 'Until' }).fill('24h');
    await page.getByText('No request fits these filters.').waitFor();
    const linked = await open('#/console/requests?status=cut');
    await vi.waitFor(async () => expect(await linked.rows.count()).toBe(1));
    expect(await linked.page.getByRole('combobox', { name: 'Status' }).inputValue()).toBe('cut');
  });

  test('a filter that the server does not take is an alert with its code, at its field', async () => {
    const { page } = await open('#/console/requests');
    const tag = page.getByRole('textbox', { name: 'Tag' });
    await tag.fill('team');
    await tag.press('Enter');
    await page.getByRole('alert').getByText('invalid_value').waitFor();
    expect(await tag.getAttribute('aria-invalid')).toBe('true');
    await tag.fill('');
    await vi.waitFor(async () => expect(await page.getByRole('alert').count()).toBe(0));
  });

  test('the story of a takeover names both targets, what each delivered, and why', async () => {
    const { page, story } = await open(`#/console/requests?id=${ids['story/takeover']}`);
    await story.getByText('cut the stream after').waitFor();
    const happened = await story.getByRole('region', { name: 'What happened' }).innerText();
    expect(happened).toMatch(/lab\/cut cut the stream after 2 tokens: .*\(upstream_cut\)/);
    expect(happened).toMatch(/engine\/smollm2-135m-instruct went on from there: \d+ tokens more/);
    expect(happened).toMatch(/The client has the whole answer, \d+ tokens in/);
    const attempts = story.getByRole('region', { name: 'Attempts' }).getByRole('listitem');
    expect(await attempts.count()).toBe(2);
    expect(await attempts.last().innerText()).toContain('takeover');
    // The prices of the model make this cost.
    const charge = story.getByRole('region', { name: 'Charge' });
    await charge.getByText(/^\$0\.0000\d+ = \d+ × \$0\.15 \+ \d+ × \$0\.60/).waitFor();
    const times = await story.getByRole('list', { name: 'Times' }).innerText();
    expect(times).toMatch(/Output[\s\S]*lab\/cut[\s\S]*engine\/smollm2-135m-instruct/);
    expect(await story.getByRole('region', { name: 'Ids' }).innerText()).toContain(ids['story/takeover']);
    await page.reload();
    await story.getByText('cut the stream after').waitFor();
  });

  test('a failover, a hedge, a cut and a failed request tell theirs', async () => {
    const { page, story } = await open('#/console/requests');
    const happened = story.getByRole('region', { name: 'What happened' });
    for (const [model, told] of [
      [
        'story/failover',
        /lab\/refused failed before any output.*\(upstream_refused\)\.\s+lab\/plain took its place, and answered/,
      ],
      [
        'story/hedge',
        /lab\/late was slower than another target.*\s+lab\/plain was asked beside the slow target/,
      ],
      ['lab/cut', /lab\/cut cut the stream after 2 tokens.*\s+The client got 2 tokens and then an error/],
      ['lab/refused', /\(upstream_refused\)\.\s+The client got an error and no output.*charged nothing/],
    ] as const) {
      await page.goto(`${server.baseUrl}/#/console/requests?id=${ids[model]}`);
      await vi.waitFor(async () => expect(await happened.innerText()).toMatch(told));
    }
  });

  test('the prompt and the answer are shown where they are kept, by a click', async () => {
    const { page, story } = await open(`#/console/requests?id=${ids['story/failover']}`);
    const section = story.getByRole('region', { name: 'Prompt and answer' });
    await section.waitFor();
    expect(await section.innerText()).not.toContain('What do rivers carry?');
    await button(page, 'Show what is kept').click();
    await section.getByText('What do rivers carry?').waitFor();
    expect(await section.innerText()).toMatch(
      /user\s+What do rivers carry\?\s+assistant, finished with stop\s+\S/,
    );
  });

  test('an id without a record is an alert with its code', async () => {
    const { page } = await open('#/console/requests?id=chatcmpl-nothing');
    await page.getByRole('alert').getByText('completion_not_found').waitFor();
  });

  test.each([1280, 390])(
    'the keyboard opens a request, closes it, and is at its row again, at %i pixels',
    async (width) => {
      const { page, rows, story } = await open('#/console/requests?status=cut', {
        viewport: { width, height: 800 },
      });
      const opener = rows.first().getByRole('button');
      await opener.focus();
      await page.keyboard.press('Enter');
      await story.getByRole('heading', { name: 'lab/cut' }).waitFor();
      expect(page.url()).toContain(`id=${ids['lab/cut']}`);
      await page.keyboard.press('Escape');
      await vi.waitFor(async () => expect(await story.count()).toBe(0));
      await rows.first().locator('button:focus').waitFor();
    },
  );

  test('who asked leads to all requests of the same', async () => {
    const { page, rows, story } = await open(`#/console/requests?id=${ids['of ci']}`);
    const who = story.getByRole('region', { name: 'Who asked' });
    await who.getByText('acme').waitFor();
    expect(await who.innerText()).toMatch(/ci[\s\S]*acme[\s\S]*user-17[\s\S]*team=blue/);
    await who.getByRole('link', { name: 'team=blue' }).click();
    await vi.waitFor(async () => expect(await rows.count()).toBe(1));
    expect(await page.getByRole('textbox', { name: 'Tag' }).inputValue()).toBe('team=blue');
  });

  test('a running request is open, and Live sees its end', async () => {
    const leaves = new AbortController();
    const running = fetch(`${server.baseUrl}/v1/chat/completions`, {
      method: 'POST',
      signal: leaves.signal,
      headers: { authorization: `Bearer ${server.apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        model: 'lab/endless',
        stream: true,
        messages: [{ role: 'user', content: 'x' }],
      }),
    });
    await running;
    const { page, rows, story } = await open('#/console/requests?model=lab/endless');
    await rows.first().getByText('open').waitFor();
    await rows.first().click();
    await story.getByText('It still runs.').waitFor();
    await page.getByRole('switch', { name: 'Live' }).check();
    leaves.abort();
    await rows.first().getByText('abandoned').waitFor();
    await story.getByText('The client left').waitFor();
  });

  test('Load more brings the older ones, and Refresh the newest', async () => {
    await Promise.all(Array.from({ length: 110 }, () => complete(server, 'lab/plain', { user: 'many' })));
    const { page, rows } = await open('#/console/requests?user=many');
    await vi.waitFor(async () => expect(await rows.count()).toBe(100));
    await button(page, 'Load more').click();
    await vi.waitFor(async () => expect(await rows.count()).toBe(110));
    expect(await button(page, 'Load more').count()).toBe(0);
    await complete(server, 'lab/plain', { user: 'many' });
    await button(page, 'Refresh').click();
    await vi.waitFor(async () => expect(await rows.count()).toBe(111));
  });

  test.each(looks)(
    'axe finds nothing, and nothing is cut off, %s at %i pixels',
    async (colorScheme, width) => {
      const viewport = { width, height: 844 };
      const { page, rows, story } = await open('#/console/requests', { colorScheme, viewport });
      await rows.first().waitFor();
      await looksRight(page, 'the list');
      await page.goto(`${server.baseUrl}/#/console/requests?id=${ids['story/takeover']}`);
      await story.getByText('cut the stream after').waitFor();
      await looksRight(page, 'the story of a request');
    },
  );
});
