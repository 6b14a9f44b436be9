import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core';
import type { TestServer } from '../support/server.ts';

/** The page of a server in a browser, with the names by which a person finds things. */
export interface PlaygroundPage {
  readonly page: Page;
  readonly message: Locator;
  readonly assistant: Locator;
  readonly user: Locator;
  readonly alert: Locator;
  button(name: string): Locator;
  choose(model: string): Promise<void>;
  /** Types a message and presses Enter. */
  ask(text: string): Promise<void>;
  /** Resolves when no answer runs. */
  answered(): Promise<void>;
  /** What the browser asked of other hosts, and what the page threw or its policy refused. */
  readonly offences: readonly string[];
  close(): Promise<void>;
}

const waitMs = 20_000;

export interface OpenOptions extends BrowserContextOptions {
  /** It is typed into the form. Null: nobody signs in. Default: the server's. */
  readonly key?: string | null;
  /** Default: `/`. */
  readonly address?: string;
}

/** Opens the page in a context of its own. */
export async function openPage(
  browser: Browser,
  server: TestServer,
  options: OpenOptions = {},
): Promise<PlaygroundPage> {
  const { key = server.apiKey, address = `${server.baseUrl}/`, ...rest } = options;
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...rest });
  context.setDefaultTimeout(waitMs);
  const page = await context.newPage();
  const offences: string[] = [];
  page.on('pageerror', (error) => offences.push(`threw: ${error.message}`));
  page.on('dialog', (dialog) => {
    offences.push(`a dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('console', (line) => {
    if (line.type() === 'error' && !line.text().startsWith('Failed to load resource'))
      offences.push(line.text());
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(`${server.baseUrl}/`)) offences.push(`asked ${request.url()}`);
  });
  await page.goto(address);
  const button = (name: string): Locator => page.getByRole('button', { name, exact: true });
  if (key !== null) {
    await page.getByLabel('API key').fill(key);
    await button('Sign in').click();
  }
  const message = page.getByRole('textbox', { name: 'Message', exact: true });
  return {
    page,
    message,
    assistant: page.getByRole('article', { name: 'Assistant' }),
    user: page.getByRole('article', { name: 'User' }),
    alert: page.getByRole('alert'),
    button,
    offences,
    choose: async (model) => {
      await page.getByRole('combobox', { name: 'Model' }).selectOption(model);
    },
    async ask(text) {
      await message.fill(text);
      await message.press('Enter');
    },
    answered: () => button('Send').waitFor(),
    close: () => context.close(),
  };
}

/** Opens the page at a view of the console, `#/console/requests`, with the session of a browser that has signed in with the admin key. */
export async function openConsole(
  browser: Browser,
  server: TestServer,
  fragment: string,
  options: OpenOptions = {},
): Promise<PlaygroundPage> {
  const signedIn = await fetch(`${server.baseUrl}/admin/v1/session`, {
    method: 'POST',
    headers: { authorization: `Bearer ${server.adminKey}` },
  });
  const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(signedIn.headers.get('set-cookie') ?? '') ?? [];
  const cookie = { name, value, domain: '127.0.0.1', path: '/', expires: -1 };
  const storageState = {
    cookies: [{ ...cookie, httpOnly: true, secure: false, sameSite: 'Strict' as const }],
    origins: [],
  };
  return await openPage(browser, server, {
    ...{ key: null, address: `${server.baseUrl}/${fragment}`, storageState },
    ...options,
  });
}
