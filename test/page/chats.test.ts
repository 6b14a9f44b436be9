import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { startBrowser, withoutBrowser } from '../support/browser.ts';
import { labFiles, labModels, labUpstreams, oneAttempt } from '../support/lab.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { openPage, type PlaygroundPage } from './page.ts';

const reason = withoutBrowser === undefined ? '' : ` (skipped: ${withoutBrowser})`;

/** Answers that depend on how the request ends. */
const own = {
  answers: [
    {
      when: { model: 'long', last_role: 'assistant' },
      steps: [{ text: ['down', 'hill.'] }, { finish: 'stop' }],
    },
    { when: { model: 'long' }, steps: [{ text: ['Rivers ', 'carry water '] }, { finish: 'length' }] },
    { when: { model: 'other' }, steps: [{ text: ['The sea ', 'is wide.'] }, { finish: 'stop' }] },
  ],
};

describe.skipIf(withoutBrowser !== undefined)(`the chats of the page in Chromium${reason}`, () => {
  let server: TestServer;
  let browser: Browser;
  beforeAll(async () => {
    [server, browser] = await Promise.all([
      startServer({
        model: 'none',
        config: {
          ...oneAttempt,
          upstreams: { ...labUpstreams, own: { kind: 'scripted', script: './own.yaml' } },
          models: {
            ...labModels,
            long: { targets: [{ upstream: 'own', model: 'long' }] },
            other: { targets: [{ upstream: 'own', model: 'other' }] },
          },
        },
        files: { ...labFiles, 'own.yaml': own },
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

  test('a question that is asked another way leaves the first one in a branch, and the keyboard goes there and back', async () => {
    const { page, choose, ask, answered, user, assistant, button } = await open();
    await choose('lab/plain');
    await ask('First way');
    await answered();
    await ask('And then?');
    await answered();
    await user.first().getByRole('button', { name: 'Edit' }).click();
    await page.getByRole('textbox', { name: 'Edit message' }).fill('Other way');
    await button('Save and send').click();
    await answered();
    expect([await user.count(), await assistant.count()]).toEqual([1, 1]);
    await user.getByText('2 / 2').waitFor();
    await button('Previous version').focus();
    await page.keyboard.press('Enter');
    await page.getByText('First way').waitFor();
    expect([await user.count(), await assistant.count()]).toEqual([2, 2]);
    await user.getByText('1 / 2').waitFor();
    await page.keyboard.press('ArrowRight');
    await page.getByText('Other way').waitFor();
    await page.reload();
    await button('Previous version').click();
    await page.getByText('First way').waitFor();
  });

  test('an answer is made again by another model, at the end and in the middle of a chat', async () => {
    const { page, choose, ask, answered, assistant, button } = await open();
    await choose('lab/plain');
    await ask('What do rivers do?');
    await answered();
    await button('With another model').click();
    await page.getByRole('menuitem', { name: 'other' }).click();
    await assistant.getByText('The sea is wide.').waitFor();
    await answered();
    await assistant.getByText('2 / 2').waitFor();
    expect(await page.getByRole('combobox', { name: 'Model' }).inputValue()).toBe('lab/plain');
    await ask('And then?');
    await answered();
    await assistant.first().hover();
    await assistant.first().getByRole('button', { name: 'Ask again' }).press('Enter');
    await page.keyboard.press('End');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await assistant.getByText('3 / 3').waitFor();
    await assistant.getByText('Rivers carry water downhill.').waitFor();
    await answered();
    expect(await assistant.count()).toBe(1);
  });

  test('an answer that ended for its length goes on in the same message', async () => {
    const { choose, ask, answered, assistant, button } = await open();
    await choose('long');
    await ask('What do rivers do?');
    await answered();
    await assistant.getByText('length', { exact: true }).waitFor();
    await button('Continue').click();
    await assistant.getByText('Rivers carry water downhill.').waitFor();
    await answered();
    expect(await assistant.count()).toBe(1);
    expect(await button('Continue').count()).toBe(0);
  });

  test('an answer that was cut goes on too', async () => {
    const { choose, ask, alert, assistant, button } = await open();
    await choose('lab/cut');
    await ask('What do rivers do?');
    await alert.waitFor();
    await choose('long');
    await button('Continue').click();
    await assistant.getByText('Rivers carry downhill.').waitFor();
  });

  test('a message with others behind it is deleted alone or with them, and only after a question', async () => {
    const { page, choose, ask, answered, user, assistant, button } = await open();
    await choose('lab/plain');
    await ask('First');
    await answered();
    await ask('Second');
    await answered();
    await user.first().getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('dialog', { name: 'Delete message' }).waitFor();
    await page.keyboard.press('Escape');
    expect(await user.count()).toBe(2);
    await user.first().getByRole('button', { name: 'Delete' }).click();
    await button('Delete it alone').click();
    await vi.waitFor(async () => expect([await user.count(), await assistant.count()]).toEqual([1, 2]));
    await user.getByRole('button', { name: 'Delete' }).click();
    await button('Delete it and 1 message').click();
    await vi.waitFor(async () => expect([await user.count(), await assistant.count()]).toEqual([0, 1]));
  });
});
