import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { startBrowser, withoutBrowser } from '../support/browser.ts';
import { labFiles, labModels, labUpstreams } from '../support/lab.ts';
import { type OidcIssuer, startOidcIssuer } from '../support/oidc-issuer.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { looksRight } from './axe.ts';
import { openPage } from './page.ts';

const reason = withoutBrowser === undefined ? '' : ` (skipped: ${withoutBrowser})`;

describe.skipIf(withoutBrowser !== undefined)(`signing in by a provider in Chromium${reason}`, () => {
  let issuer: OidcIssuer;
  let server: TestServer;
  let browser: Browser;
  beforeAll(async () => {
    issuer = await startOidcIssuer();
    [server, browser] = await Promise.all([
      startServer({
        model: 'none',
        config: {
          auth: { oidc: issuer.settings(['ann@example.org']) },
          ...{ upstreams: labUpstreams, models: labModels },
        },
        files: labFiles,
      }),
      startBrowser(),
    ]);
    issuer.serve(server.baseUrl);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
    await issuer?.stop();
  });

  async function open(options: Parameters<typeof openPage>[2]) {
    const opened = await openPage(browser, server, options);
    onTestFinished(() => opened.close());
    // The provider has pages of its own, on another site. They would take a font from somewhere else.
    const fonts = 'https://fonts.googleapis.com/';
    await opened.page.route(`${fonts}**`, (route) => route.abort());
    const isOfProvider = (one: string) => one.includes(issuer.issuer) || one.includes(fonts);
    return { ...opened, own: () => opened.offences.filter((one) => !isOfProvider(one)) };
  }

  const sso = (page: Page) => page.getByRole('link', { name: 'Sign in with SSO' });

  /** The pages of the provider: who signs in, then what this server may know. */
  async function signInAs(page: Page, login: string): Promise<void> {
    await page.getByPlaceholder('Enter any login').fill(login);
    await page.getByPlaceholder('and password').fill('any');
    await page.getByRole('button', { name: 'Sign-in' }).click();
    await page.getByRole('button', { name: 'Continue' }).click();
  }

  test('a person comes back from the provider signed in, with the keyboard alone, and signs out', async () => {
    const { page, message, ask, answered, assistant, button, choose, own } = await open({ key: null });
    await sso(page).focus();
    await page.keyboard.press('Enter');
    await signInAs(page, 'ann@example.org');
    await message.waitFor();
    expect(page.url()).toBe(`${server.baseUrl}/`);
    await choose('lab/plain');
    await ask('Say hello.');
    await answered();
    expect(await assistant.count()).toBe(1);
    await page.reload();
    await message.waitFor();
    await button('Sign out').click();
    await sso(page).waitFor();
    await page.reload();
    await sso(page).waitFor();
    expect(own()).toEqual([]);
  });

  test('whom the operator has not named reads who has come, and what to do', async () => {
    const { page, alert, own } = await open({
      key: null,
      colorScheme: 'dark',
      viewport: { width: 390, height: 700 },
    });
    await sso(page).click();
    await signInAs(page, 'eve@example.org');
    await alert.getByText('eve@example.org').waitFor();
    await alert.getByText('auth.oidc.admins').waitFor();
    await page.getByText('admin_required').waitFor();
    // Its style is the one that its policy names.
    expect(await page.evaluate("getComputedStyle(document.querySelector('main')).width")).toBe('350px');
    await looksRight(page, 'the page of an error');
    await page.getByRole('link', { name: 'Back to sign in' }).click();
    await sso(page).waitFor();
    expect(own()).toEqual([]);
  });

  test('a key that the server refuses does not stand in the way of the session', async () => {
    const { page, alert, message } = await open({ key: 'tr_wrong' });
    await alert.getByText('invalid_api_key').waitFor();
    await page.evaluate(() => sessionStorage.setItem('tailrace-key', 'tr_revoked'));
    await page.reload();
    await alert.getByText('invalid_api_key').waitFor();
    await sso(page).click();
    await signInAs(page, 'ann@example.org');
    await message.waitFor();
  });

  test('the page has no violations with the link, and no link where there is no provider', async () => {
    const { page } = await open({ key: null });
    await sso(page).waitFor();
    await looksRight(page, 'the sign-in');
    const without = await startServer({ model: 'none' });
    onTestFinished(() => without.stop());
    const other = await openPage(browser, without, { key: null });
    onTestFinished(() => other.close());
    const ways = other.page.waitForResponse((response) => response.url().endsWith('/session/ways'));
    await other.page.reload();
    await (await ways).finished();
    await other.button('Sign in').waitFor();
    expect(await sso(other.page).count()).toBe(0);
  });
});
