import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { startBrowser, withoutBrowser } from '../support/browser.ts';
import { labFiles, labModels, labUpstreams, oneAttempt } from '../support/lab.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { looks, looksRight } from './axe.ts';
import { openPage, type PlaygroundPage } from './page.ts';

const reason = withoutBrowser === undefined ? '' : ` (skipped: ${withoutBrowser})`;

describe.skipIf(withoutBrowser !== undefined)(`the page of the server in Chromium${reason}`, () => {
  let server: TestServer;
  let browser: Browser;
  beforeAll(async () => {
    [server, browser] = await Promise.all([
      startServer({
        model: 'default',
        config: { ...oneAttempt, upstreams: labUpstreams, models: labModels },
        files: labFiles,
      }),
      startBrowser(),
    ]);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
  });

  async function open(options: Parameters<typeof openPage>[2] = {}): Promise<PlaygroundPage> {
    const page = await openPage(browser, server, options);
    onTestFinished(async () => {
      await page.close();
      expect(page.offences).toEqual([]);
    });
    return page;
  }

  async function admin(path: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
    const response = await fetch(server.baseUrl + path, {
      headers: { authorization: `Bearer ${server.adminKey}` },
    });
    return ((await response.json()) as { data: Readonly<Record<string, unknown>>[] }).data;
  }

  test('a key that the server does not know is refused with its code, and the right one opens the page', async () => {
    const { page, alert, button, message } = await open({ key: 'tr_wrong' });
    await alert.getByText('invalid_api_key').waitFor();
    await page.getByLabel('API key').fill(server.apiKey);
    await button('Sign in').click();
    await message.waitFor();
    expect(await page.getByRole('switch', { name: 'Stream' }).isChecked()).toBe(true);
    expect(await page.getByRole('combobox', { name: 'Model' }).locator('option').allTextContents()).toContain(
      'smollm2-135m-instruct',
    );
  });

  test('the scripts of the page are those of production', async () => {
    const page = await (await fetch(`${server.baseUrl}/`)).text();
    const [, script = ''] = /<script[^>]* src="([^"]+)"/.exec(page) ?? [];
    const code = await (await fetch(server.baseUrl + script)).text();
    expect(code.length).toBeGreaterThan(100_000);
    expect(code).not.toContain('cannot be a descendant of');
  });

  test('a one-time address signs the browser in without a key, once, until it signs out', async () => {
    const made = await fetch(`${server.baseUrl}/admin/v1/session/codes`, {
      method: 'POST',
      headers: { authorization: `Bearer ${server.adminKey}` },
    });
    const { code } = (await made.json()) as { code: string };
    const address = `${server.baseUrl}/#sign-in=${code}`;
    const { page, message, ask, answered, assistant, button } = await open({ key: null, address });
    await message.waitFor();
    expect(page.url()).toBe(`${server.baseUrl}/`);
    await ask('Say hello.');
    await answered();
    expect(await assistant.count()).toBe(1);
    expect((await admin('/admin/v1/requests?key_id=console'))[0]).toMatchObject({ status: 'completed' });
    await page.reload();
    await message.waitFor();
    await button('Sign out').click();
    await page.getByLabel('API key').waitFor();
    await page.reload();
    await page.getByLabel('API key').waitFor();
    const again = await open({ key: null, address });
    await again.alert.waitFor();
    expect(await again.message.count()).toBe(0);
  });

  test('the answer of the real model streams into the page, with its figures and its events', async () => {
    const { page, ask, assistant, answered, button, choose } = await open();
    await choose('smollm2-135m-instruct');
    await page.getByRole('textbox', { name: 'System prompt' }).fill('You answer in one paragraph.');
    await page.getByRole('textbox', { name: 'max_tokens' }).fill('48');
    await button('Wire').click();
    await ask('What is gravity?');
    const lengths = new Set<number>();
    await button('Stop').waitFor();
    while (await button('Stop').isVisible()) lengths.add((await assistant.innerText()).length);
    await answered();
    expect(lengths.size).toBeGreaterThan(3);
    const figures = await assistant.getByRole('definition').allTextContents();
    expect(figures[0]).toMatch(/^\d+ ms$|^\d+\.\d\d s$/);
    expect(Number(figures[1])).toBeGreaterThan(0);
    expect(figures[2]).toMatch(/^\d+ \+ \d+ prompt$/);
    expect(figures[3]).toMatch(/^(stop|length)$/);
    expect(figures[4]).toBe('engine/smollm2-135m-instruct');
    const [record] = await admin('/admin/v1/requests?limit=1');
    await assistant.getByRole('button', { name: 'Details' }).click();
    await assistant.getByText(String(record?.['request_id'])).waitFor();
    const events = page.getByRole('region', { name: 'Events' });
    await events.getByText('finish_reason').waitFor();
    expect(await events.getByRole('button').last().innerText()).toContain('[DONE]');
  });

  test('an answer of the real model goes on behind its words', async () => {
    const { page, choose, ask, answered, assistant, button } = await open();
    await choose('smollm2-135m-instruct');
    await page.getByRole('textbox', { name: 'max_tokens' }).fill('8');
    await ask('Tell me a story about a mill.');
    await answered();
    const beginning = await assistant.locator('.markdown').innerText();
    await button('Continue').click();
    await vi.waitFor(async () => {
      const text = await assistant.locator('.markdown').innerText();
      expect([text.startsWith(beginning), text.length > beginning.length]).toEqual([true, true]);
    });
    await answered();
    expect(await assistant.count()).toBe(1);
  });

  test('Stop ends the answer here and on the server, and what has come stays', async () => {
    const { choose, ask, button, assistant, answered } = await open();
    await choose('lab/endless');
    await ask('Begin');
    await assistant.getByText('drop drop').waitFor();
    await button('Stop').click();
    await answered();
    expect(await assistant.innerText()).toContain('drop drop');
    await assistant.getByText('stopped', { exact: true }).waitFor();
    await vi.waitFor(async () => expect(await admin('/admin/v1/streams')).toEqual([]));
  });

  test('a reload in mid-answer reattaches: the answer is whole, and was made once', async () => {
    const { page, choose, ask, assistant, button, answered } = await open();
    await choose('lab/steady');
    const before = await admin('/admin/v1/requests?model=lab/steady');
    await ask('Begin');
    await assistant.getByText('drop drop').waitFor();
    await page.reload();
    await button('Stop').waitFor();
    await assistant.getByText('drop drop').waitFor();
    await answered();
    await assistant.getByText('stop', { exact: true }).waitFor();
    expect((await assistant.innerText()).match(/drop/g)).toHaveLength(20);
    expect(await admin('/admin/v1/requests?model=lab/steady')).toHaveLength(before.length + 1);
  });

  test('messages are edited and deleted, and the last answer is made again', async () => {
    const { page, choose, ask, user, assistant, button, answered } = await open();
    await choose('lab/plain');
    await ask('First');
    await answered();
    await ask('Second');
    await answered();
    expect([await user.count(), await assistant.count()]).toEqual([2, 2]);
    await button('Regenerate').click();
    await answered();
    expect([await user.count(), await assistant.count()]).toEqual([2, 2]);
    await user.first().getByRole('button', { name: 'Edit' }).click();
    await page.getByRole('textbox', { name: 'Edit message' }).fill('Other');
    await button('Save and send').click();
    await answered();
    expect(await user.allInnerTexts()).toEqual([expect.stringContaining('Other')]);
    await vi.waitFor(async () =>
      expect(await assistant.innerText()).toContain('Rivers carry water downhill.'),
    );
    await assistant.getByRole('button', { name: 'Delete' }).click();
    await vi.waitFor(async () => expect(await assistant.count()).toBe(0));
  });

  test('a refused parameter is shown at its field, and its reset lets the request through', async () => {
    const { page, choose, ask, alert, button, assistant, answered } = await open();
    await choose('lab/plain');
    const field = page.getByRole('textbox', { name: 'temperature' });
    await field.fill('9');
    await ask('Hello');
    await alert.getByText('invalid_value').waitFor();
    expect(await field.getAttribute('aria-invalid')).toBe('true');
    const described = page.locator(`#${await field.getAttribute('aria-describedby')}`);
    expect(await described.innerText()).toContain('temperature');
    expect(await assistant.count()).toBe(0);
    await button('Reset temperature').click();
    await button('Regenerate').click();
    await answered();
    await assistant.getByText('Rivers carry water downhill.').waitFor();
    expect(await alert.count()).toBe(0);
  });

  test('an error in mid-stream shows its code, and what has come stays', async () => {
    const { choose, ask, alert, assistant } = await open();
    await choose('lab/cut');
    await ask('Hello');
    await alert.getByText('upstream_cut').waitFor();
    expect(await assistant.innerText()).toContain('Rivers carry');
  });

  test('without Stream the same answer comes as one body', async () => {
    const { page, choose, ask, assistant, button, answered } = await open();
    await choose('lab/plain');
    await page.getByRole('switch', { name: 'Stream' }).uncheck();
    await button('Wire').click();
    await ask('Hello');
    await answered();
    await assistant.getByText('Rivers carry water downhill.').waitFor();
    const events = page.getByRole('region', { name: 'Events' }).getByRole('button');
    await events.first().waitFor();
    expect(await events.count()).toBe(1);
  });

  test.skipIf(process.platform === 'win32')('the code for curl sends this very request', async () => {
    const { page, choose, ask, button, answered } = await open();
    await choose('lab/plain');
    await ask(`It's a "test" of $HOME`);
    await answered();
    await button('Code').click();
    const code = await page.getByRole('dialog', { name: 'Code' }).locator('pre').innerText();
    expect(code).not.toContain(server.apiKey);
    const env = { ...process.env, TAILRACE_API_KEY: server.apiKey };
    const { stdout } = await promisify(execFile)('sh', ['-c', code], { env });
    expect(stdout).toContain('"hill."');
    expect(stdout.trimEnd().endsWith('data: [DONE]')).toBe(true);
    await page.keyboard.press('Escape');
    await vi.waitFor(async () => expect(await page.getByRole('dialog').count()).toBe(0));
  });

  test('the keyboard alone is enough, from the key to an answer that is stopped', async () => {
    const { page, assistant, message } = await open({ key: null });
    await page.getByLabel('API key').waitFor();
    await page.keyboard.type(server.apiKey);
    await page.keyboard.press('Enter');
    await message.waitFor();
    // The choice of the model lies before the message in the order of the page.
    while ((await focused(page)) !== 'Model') await page.keyboard.press('Shift+Tab');
    await page.keyboard.type('lab/endless');
    while ((await focused(page)) !== 'Message') await page.keyboard.press('Tab');
    await page.keyboard.type('Begin');
    await page.keyboard.press('Enter');
    await assistant.getByText('drop drop').waitFor();
    await page.keyboard.press('Escape');
    await assistant.getByText('stopped', { exact: true }).waitFor();
  });

  test.each(looks)(
    'axe finds nothing, and nothing is cut off, %s at %i pixels',
    async (colorScheme, width) => {
      const { page, choose, ask, answered, button, alert } = await open({
        colorScheme,
        viewport: { width, height: 844 },
      });
      await choose('lab/cut');
      await ask('Hello');
      await alert.waitFor();
      await choose('lab/plain');
      await ask('Again');
      await answered();
      for (const view of ['the chat', 'Parameters', 'Wire', 'Code']) {
        if (view !== 'the chat' && (await button(view).getAttribute('aria-pressed')) !== 'true')
          await button(view).click();
        await looksRight(page, view);
      }
    },
  );

  test('the first view has less than 200 kB and comes from this server alone', async () => {
    const context = await browser.newContext();
    onTestFinished(() => context.close());
    const page = await context.newPage();
    const sizes: Promise<number>[] = [];
    page.on('requestfinished', (request) => {
      sizes.push(request.sizes().then(({ responseBodySize }) => responseBodySize));
    });
    await page.goto(`${server.baseUrl}/`, { waitUntil: 'networkidle' });
    const total = (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
    expect(total).toBeGreaterThan(10_000);
    expect(total).toBeLessThan(200_000);
  });
});

/** The name of the element with the focus. */
async function focused(page: PlaygroundPage['page']): Promise<unknown> {
  return await page.evaluate(`(() => {
    const { activeElement: element } = document;
    return element.ariaLabel ?? element.labels?.[0]?.innerText ?? element.innerText;
  })()`);
}
