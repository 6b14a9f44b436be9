import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { startBrowser, withoutBrowser } from '../support/browser.ts';
import { labFiles, labModels, labUpstreams, oneAttempt } from '../support/lab.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { type Administration, administrationOf, complete, type KeysPage, openKeys } from './console.ts';

const reason = withoutBrowser === undefined ? '' : ` (skipped: ${withoutBrowser})`;
const realModel = 'smollm2-135m-instruct';

describe.skipIf(withoutBrowser !== undefined)(`keys in the console${reason}`, () => {
  let server: TestServer;
  let browser: Browser;
  let admin: Administration;
  beforeAll(async () => {
    [server, browser] = await Promise.all([
      startServer({
        model: 'default',
        config: { ...oneAttempt, upstreams: labUpstreams, models: labModels },
        files: labFiles,
      }),
      startBrowser(),
    ]);
    admin = administrationOf(server);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
  });

  const open = (options: Parameters<typeof openKeys>[2] = {}): Promise<KeysPage> =>
    openKeys(browser, server, options);

  const keysNamed = async (name: string): Promise<Record<string, unknown>[]> =>
    (await admin('GET', 'keys')).data.filter((key: { name: string }) => key.name === name);

  test('a key is made in the page, works at once with the limits that were typed, and is nowhere afterwards', async () => {
    const { page, button, field, answer, row, shownKey, dialog } = await open();
    await button('Create key').click();
    await field('Name').fill('ci');
    await field('Owner').fill('acme');
    await field('Models').fill('lab/p*');
    await field('Requests per minute').fill('2');
    await field('Budget').fill('5000');
    await field('Unit').selectOption('tokens');
    await field('Period').selectOption('day');
    await answer('Create key').click();
    await dialog.getByText('it is not shown again').waitFor();
    const key = await shownKey();
    expect(key).toMatch(/^tr_/);
    await answer('Done').click();
    await row('ci').getByText('2 requests/min').waitFor();
    await row('ci').getByRole('meter', { name: 'Budget' }).waitFor();
    expect((await keysNamed('ci'))[0]).toMatchObject({
      owner: 'acme',
      budget: { tokens: 5_000, period: 'day' },
    });

    expect(await complete(server, key, 'lab/steady')).toEqual({ status: 403, code: 'model_not_allowed' });
    const answers = [];
    for (let sent = 0; sent < 3; sent += 1) answers.push(await complete(server, key, 'lab/plain'));
    expect(answers.map(({ status }) => status)).toContain(200);
    expect(answers.at(-1)).toEqual({ status: 429, code: 'rate_limit_exceeded' });

    const kept = await page.evaluate(
      'JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location.href, history.state, document.documentElement.outerHTML])',
    );
    expect(kept).toContain('ci');
    expect(kept).not.toContain(key);
  });

  test('a wrong value is shown at its field and as an alert with its code, and is put right there', async () => {
    const { page, button, field, answer, alert, dialog } = await open();
    await button('Create key').click();
    await field('Name').fill('refused');
    for (const [name, wrong, code, right] of [
      ['Tokens per minute', 'many', 'invalid_type', ''],
      ['Models', '*x', 'invalid_value', 'lab/*'],
      ['Budget', '0.0000001', 'invalid_value', '1'],
      ['Expires', '2020-01-01T10:00', 'invalid_value', '2031-01-01T10:00'],
    ] as const) {
      await field(name).fill(wrong);
      await answer('Create key').click();
      await alert.getByText(code).waitFor();
      await vi.waitFor(async () => expect(await field(name).getAttribute('aria-invalid')).toBe('true'));
      const note = page.locator(`#${await field(name).getAttribute('aria-describedby')}`);
      expect(await alert.innerText()).toContain(await note.innerText());
      expect(await page.evaluate('document.activeElement.id')).toBe(await field(name).getAttribute('id'));
      await field(name).fill(right);
    }
    expect(await keysNamed('refused')).toEqual([]);
    await answer('Create key').click();
    await dialog.getByLabel('New key').waitFor();
    expect(await keysNamed('refused')).toHaveLength(1);
  });

  test('a double click makes one key, and so does a second try after an answer that was lost', async () => {
    const { page, button, field, answer, alert, dialog } = await open();
    await button('Create key').click();
    await field('Name').fill('twice');
    await answer('Create key').dblclick();
    await dialog.getByLabel('New key').waitFor();
    expect(await keysNamed('twice')).toHaveLength(1);
    await answer('Done').click();

    await page.route('**/admin/v1/keys', async (route) => {
      await route.fetch();
      await route.abort();
    });
    await button('Create key').click();
    await field('Name').fill('lost');
    await answer('Create key').click();
    await alert.getByText('unreachable').waitFor();
    await page.unroute('**/admin/v1/keys');
    await answer('Create key').click();
    await dialog.getByText('Rotate it to get another one').waitFor();
    expect(await keysNamed('lost')).toHaveLength(1);
  });

  test('times are typed in the zone of the browser', async () => {
    const { button, field, answer, dialog } = await open({ timezoneId: 'Asia/Tokyo' });
    await button('Create key').click();
    await field('Name').fill('tokyo');
    await field('Expires').fill('2031-01-01T09:30');
    await dialog.getByText('Sent as 2031-01-01T00:30:00.000Z').waitFor();
    await answer('Create key').click();
    await dialog.getByLabel('New key').waitFor();
    expect((await keysNamed('tokyo'))[0]).toMatchObject({ expires_at: '2031-01-01T00:30:00.000Z' });
  });

  test('a key is changed: what is typed is set, what is emptied is removed, the rest stays', async () => {
    const { id } = await admin('POST', 'keys', {
      ...{ name: 'before', max_streams: 3, requests_per_minute: 60, metadata: { team: 'blue' } },
      ...{ expires_at: '2031-01-01T00:00:30Z', budget: { usd: 12.5, period: 'month' } },
    });
    const { field, answer, row, button, dialog } = await open();
    await row('before').getByRole('button', { name: 'Edit' }).click();
    await field('Name').fill('after');
    await field('Concurrent streams').fill('');
    await answer('Save').click();
    await row('after').waitFor();
    expect(await dialog.count()).toBe(0);
    expect(await admin('GET', `keys/${id}`)).toMatchObject({
      ...{ name: 'after', max_streams: null, requests_per_minute: 60, metadata: { team: 'blue' } },
      ...{ expires_at: '2031-01-01T00:00:30.000Z', budget: { usd: 12.5, period: 'month' } },
    });
    // The button went with the row's old name, and the focus is in the page all the same.
    expect(await button('Create key').count()).toBe(1);
  });

  test('both secrets work in an overlap, and only the new one without', async () => {
    const made = await admin('POST', 'keys', { name: 'turning' });
    const { row, answer, dialog, shownKey } = await open();
    await row('turning').getByRole('button', { name: 'Rotate' }).click();
    await dialog.getByLabel('1 hour').check();
    await answer('Rotate').click();
    const second = await shownKey();
    await answer('Done').click();
    await row('turning').getByText('in overlap').waitFor();
    for (const key of [made.key, second]) expect((await complete(server, key, 'lab/plain')).status).toBe(200);

    await row('turning').getByRole('button', { name: 'Rotate' }).click();
    await dialog.getByLabel('None').check();
    await answer('Rotate').click();
    const third = await shownKey();
    expect((await complete(server, third, 'lab/plain')).status).toBe(200);
    for (const key of [made.key, second]) expect((await complete(server, key, 'lab/plain')).status).toBe(401);
  });

  test('a key is revoked after a question that names it, and is refused at once', async () => {
    const { key, prefix } = await admin('POST', 'keys', { name: 'leaver' });
    const { page, row, answer, dialog } = await open();
    expect((await complete(server, key, 'lab/plain')).status).toBe(200);
    await row('leaver').getByRole('button', { name: 'Revoke' }).click();
    expect(await dialog.innerText()).toMatch(/Revoke leaver[\s\S]*tr_/);
    expect(await dialog.innerText()).toContain(prefix);
    await answer('Cancel').click();
    expect((await complete(server, key, 'lab/plain')).status).toBe(200);
    await row('leaver').getByRole('button', { name: 'Revoke' }).click();
    await answer('Revoke').click();
    await vi.waitFor(async () => expect(await row('leaver').count()).toBe(0));
    expect(await complete(server, key, 'lab/plain')).toEqual({ status: 401, code: 'invalid_api_key' });
    expect(await page.evaluate('document.activeElement.tagName')).toBe('H2');
    await page.getByRole('switch', { name: 'Revoked' }).check();
    await row('leaver').getByText('revoked', { exact: true }).waitFor();
    expect(await row('leaver').getByRole('button', { name: 'Rotate' }).count()).toBe(0);
  });

  test('the bar of a budget has what a stream holds and what the real model used, and the key shows its use', async () => {
    const { id, key } = await admin('POST', 'keys', {
      ...{ name: 'metered', budget: { tokens: 100, period: 'total' } },
    });
    // It is kept: a response that nobody holds is collected, and its stream ends with it.
    const running = await fetch(`${server.baseUrl}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        ...{ model: 'lab/endless', stream: true, max_tokens: 16 },
        messages: [{ role: 'user', content: 'Begin' }],
      }),
    });
    const { page, row } = await open();
    const meter = row('metered').getByRole('meter', { name: 'Budget' });
    await row('metered').getByText('0 of 100 tokens in total').waitFor();
    await row('metered')
      .getByText(/\d+ tokens reserved/)
      .waitFor();
    await running.body?.cancel();
    expect(await meter.getAttribute('aria-valuenow')).toBe('0');
    expect((await complete(server, key, realModel)).status).toBe(200);
    await vi.waitFor(
      async () => expect(Number(await meter.getAttribute('aria-valuenow'))).toBeGreaterThan(10),
      {
        timeout: 20_000,
      },
    );
    expect((await meter.locator('.spent').boundingBox())?.width).toBeGreaterThan(5);
    await row('metered').getByRole('button', { name: 'metered' }).click();
    await page.getByRole('heading', { name: 'metered' }).waitFor();
    const use = page.getByRole('region', { name: 'Use', exact: true });
    await use.getByRole('row').filter({ hasText: realModel }).waitFor();
    await use.getByRole('figure', { name: 'Tokens a day' }).waitFor();
    const link = await use.getByRole('link', { name: 'Its requests' }).getAttribute('href');
    expect(link).toBe(`#/console/requests?key_id=${id}`);
  });

  test('a fixed key says why it is not changed here', async () => {
    const { page, row } = await open();
    await row('fixed, admin').waitFor();
    expect(await row('fixed, admin').getByRole('button', { name: 'Revoke' }).count()).toBe(0);
    await row('fixed, admin').getByRole('button').click();
    await page.getByText('is changed where it comes from').waitFor();
    expect(await page.getByRole('button', { name: 'Revoke' }).count()).toBe(0);
  });
});
