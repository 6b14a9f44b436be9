import type { Browser, Locator } from 'playwright-core';
import { expect, onTestFinished } from 'vitest';
import type { TestServer } from '../support/server.ts';
import { type OpenOptions, openConsole, type PlaygroundPage } from './page.ts';

/** The administration of a server, as a program uses it. Its routes are those of `/admin/v1`. */
// The tests read what the routes answer.
// biome-ignore lint/suspicious/noExplicitAny: any JSON
export type Administration = (method: string, path: string, json?: unknown) => Promise<any>;

export function administrationOf(server: TestServer): Administration {
  return async (method, path, json) => {
    const response = await fetch(`${server.baseUrl}/admin/v1/${path}`, {
      method,
      headers: { authorization: `Bearer ${server.adminKey}`, 'content-type': 'application/json' },
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
    });
    return await response.json();
  };
}

/** Sends a completion with a key; resolves with its status, and the code of an error. */
export async function complete(
  server: TestServer,
  key: string,
  model: string,
): Promise<{ readonly status: number; readonly code: string | undefined }> {
  const response = await fetch(`${server.baseUrl}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model, max_tokens: 16, messages: [{ role: 'user', content: 'Say hello.' }] }),
  });
  const body = (await response.json()) as { error?: { code: string } };
  return { status: response.status, code: body.error?.code };
}

/** Opens a view of the console with the session of an admin key, until the test ends. */
export async function openView(
  browser: Browser,
  server: TestServer,
  fragment: string,
  options: OpenOptions = {},
): Promise<PlaygroundPage> {
  const opened = await openConsole(browser, server, fragment, options);
  onTestFinished(async () => {
    await opened.close();
    expect(opened.offences).toEqual([]);
  });
  await opened.page.getByRole('heading', { level: 2 }).waitFor();
  return opened;
}

/** The view of keys and owners. */
export interface KeysPage extends PlaygroundPage {
  readonly dialog: Locator;
  /** A field of the window that is open. */
  field(name: string): Locator;
  /** A button of the window that is open. */
  answer(name: string): Locator;
  row(name: string): Locator;
  /** What the page shows once of a new key. */
  shownKey(): Promise<string>;
}

/** Opens it with the admin key, until the test ends. `where`: the query of its address. */
export async function openKeys(
  browser: Browser,
  server: TestServer,
  { where = '', ...options }: OpenOptions & { readonly where?: string } = {},
): Promise<KeysPage> {
  const opened = await openView(browser, server, `#/console/keys${where}`, options);
  const { page } = opened;
  const dialog = page.getByRole('dialog');
  return {
    ...opened,
    dialog,
    field: (name) => dialog.getByLabel(name, { exact: true }),
    answer: (name) => dialog.getByRole('button', { name, exact: true }),
    row: (name) => page.getByRole('row').filter({ hasText: name }),
    shownKey: () => dialog.getByLabel('New key').innerText(),
  };
}
