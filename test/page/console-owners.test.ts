import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { startBrowser, withoutBrowser } from '../support/browser.ts';
import { labFiles, labModels, labUpstreams, oneAttempt } from '../support/lab.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { looks, looksRight } from './axe.ts';
import { type Administration, administrationOf, type KeysPage, openKeys } from './console.ts';

const reason = withoutBrowser === undefined ? '' : ` (skipped: ${withoutBrowser})`;

describe.skipIf(withoutBrowser !== undefined)(
  `owners in the console, and how the views of keys look${reason}`,
  () => {
    let server: TestServer;
    let browser: Browser;
    let admin: Administration;
    beforeAll(async () => {
      [server, browser] = await Promise.all([
        startServer({
          model: 'none',
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

    test('an owner is made, changed, and deleted only when none of its keys is left', async () => {
      const { page, button, field, answer, row, alert, dialog } = await open({ where: '?list=owners' });
      await button('Create owner').click();
      await field('Name').fill('Blue Team');
      await field('Budget').fill('200');
      await answer('Create owner').click();
      await row('blue-team').getByText('$0 of $200.00 a month').waitFor();

      await button('Create owner').click();
      await field('Id').fill('blue-team');
      await answer('Create owner').click();
      await alert.getByText('conflict').waitFor();
      expect(await field('Id').getAttribute('aria-invalid')).toBe('true');
      await answer('Cancel').click();
      expect(await admin('GET', 'owners/blue-team')).toMatchObject({ name: 'Blue Team' });

      await row('blue-team').getByRole('button', { name: 'Edit' }).click();
      await field('Tokens per minute').fill('9000');
      await answer('Save').click();
      await row('blue-team').getByText('9,000 tokens/min').waitFor();
      expect(await admin('GET', 'owners/blue-team')).toMatchObject({ budget: { usd: 200, period: 'month' } });

      const { id } = await admin('POST', 'keys', { name: 'of-blue', owner: 'blue-team' });
      await row('blue-team').getByRole('button', { name: 'Delete' }).click();
      await answer('Delete').click();
      await alert.getByText('conflict').waitFor();
      expect(await alert.innerText()).toContain('keys that are not revoked');
      await dialog.getByRole('link', { name: 'Show the keys of blue-team' }).click();
      await page.getByRole('row').filter({ hasText: 'of-blue' }).waitFor();
      expect(await dialog.count()).toBe(0);
      expect(await page.getByRole('row').count()).toBe(2);

      await admin('DELETE', `keys/${id}`);
      await page.getByRole('link', { name: 'Owners' }).click();
      await row('blue-team').getByRole('button', { name: 'Delete' }).click();
      await answer('Delete').click();
      await vi.waitFor(async () => expect(await row('blue-team').count()).toBe(0));
      expect((await admin('GET', 'owners/blue-team')).error.code).toBe('unknown_url');
    });

    test('a window keeps the focus while it is open, and gives it back', async () => {
      const { page, button, dialog, field } = await open();
      await button('Create key').focus();
      await page.keyboard.press('Enter');
      await field('Name').waitFor();
      expect(await page.evaluate('document.activeElement.id')).toBe(await field('Name').getAttribute('id'));
      for (let presses = 0; presses < 40; presses += 1) {
        await page.keyboard.press('Tab');
        const where =
          'document.activeElement === document.body || document.activeElement.closest("dialog") !== null';
        expect(await page.evaluate(where)).toBe(true);
      }
      await page.keyboard.press('Escape');
      await vi.waitFor(async () => expect(await dialog.count()).toBe(0));
      expect(await page.evaluate('document.activeElement.innerText')).toBe('Create key');

      // A window that is opened while the browser still closes the one before stays open.
      await page.keyboard.press('Enter');
      await field('Name').waitFor();
      const escapeAndClick = `(() => {
        const opener = [...document.querySelectorAll('button')].find((one) => one.innerText === 'Create key');
        document.querySelector('dialog').requestClose();
        opener.click();
        return new Promise((resolve) => setTimeout(resolve, 100));
      })()`;
      await page.evaluate(escapeAndClick);
      expect(await dialog.count()).toBe(1);
      await page.keyboard.press('Escape');
      await vi.waitFor(async () => expect(await dialog.count()).toBe(0));

      // From the keyboard alone: made, copied by hand, done.
      await page.keyboard.press('Enter');
      await field('Name').waitFor();
      await page.keyboard.type('by-keyboard');
      await page.keyboard.press('Enter');
      await dialog.getByLabel('New key').waitFor();
      expect(await page.evaluate('document.activeElement.ariaLabel')).toBe('New key');
      await dialog.getByRole('button', { name: 'Done' }).focus();
      await page.keyboard.press('Enter');
      expect(await page.evaluate('document.activeElement.innerText')).toBe('Create key');
    });

    test.each(looks)(
      'axe finds nothing, and nothing is cut off, %s at %i pixels',
      async (colorScheme, width) => {
        const name = `shown-${colorScheme}-${width}`;
        const { id } = await admin('POST', 'keys', {
          ...{ name, owner: 'acme', models: ['lab/*'], requests_per_minute: 60, max_streams: 2 },
          ...{
            budget: { usd: 20, period: 'month' },
            expires_at: '2031-01-01T00:00:00Z',
            metadata: { team: 'blue' },
          },
        });
        const { page, button, row, field, answer, alert, dialog } = await open({
          colorScheme,
          viewport: { width, height: 844 },
        });
        await row(name).getByRole('meter').waitFor();
        await looksRight(page, 'the list');
        await button('Create key').click();
        await field('Requests per minute').fill('many');
        await dialog.getByText('More', { exact: true }).click();
        await answer('Create key').click();
        await alert.waitFor();
        await looksRight(page, 'a refused key');
        await field('Requests per minute').fill('');
        await answer('Create key').click();
        await dialog.getByLabel('New key').waitFor();
        await looksRight(page, 'a new key');
        await answer('Done').click();
        await row(name).getByRole('button', { name: 'Rotate' }).click();
        await looksRight(page, 'a rotation');
        await answer('Cancel').click();
        await row(name).getByRole('button', { name: 'Revoke' }).click();
        await looksRight(page, 'a revocation');
        await answer('Cancel').click();
        await row(name).getByRole('button', { name }).click();
        await page.getByRole('figure', { name: 'Tokens a day' }).waitFor();
        expect(page.url()).toContain(id);
        await looksRight(page, 'one key');
        await page.getByRole('link', { name: 'Keys', exact: true }).last().click();
        await page.getByRole('link', { name: 'Owners' }).click();
        await page.getByRole('heading', { name: 'Owners' }).waitFor();
        await row('acme').waitFor();
        await looksRight(page, 'the owners');
      },
    );
  },
);
