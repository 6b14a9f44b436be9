import type { Locator, Page } from 'playwright-core';
import { expect } from 'vitest';

/** For all that a page does: the machine may be busy. */
export const waitMs = 20_000;

/** A chat of the page in `app.ts`, as a test uses and reads it. */
export interface Chat {
  send(): Promise<void>;
  button(name: string): Locator;
  /** Resolves when the status is this one. */
  is(status: string): Promise<void>;
  /** Resolves when the only answer has exactly this text, and the status is this one. */
  shows(text: string, status: string): Promise<void>;
}

export function chatOf(page: Page, name: string): Chat {
  const section = page.getByRole('region', { name });
  const button = (called: string): Locator => section.getByRole('button', { name: called });
  const is = (status: string): Promise<void> =>
    section.getByRole('status').getByText(status, { exact: true }).waitFor();
  return {
    button,
    is,
    send: () => button('Send').click(),
    async shows(text, status) {
      const answers = section.getByRole('article', { name: 'assistant' });
      await expect.poll(() => answers.allTextContents(), { timeout: waitMs }).toEqual([text]);
      await is(status);
    },
  };
}
