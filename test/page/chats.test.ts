import { readFile } from 'node:fs/promises';
import axe from 'axe-core';
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

  test('two chats run at once: the one that is left has a dot, and a reload picks up both at their signed addresses', async () => {
    const { page, choose, ask, assistant, button, answered } = await open();
    await choose('lab/steady');
    await button('History').click();
    await ask('The first of two');
    await assistant.getByText('drop drop').waitFor();
    await button('New chat').click();
    await ask('The second of two');
    await assistant.getByText('drop drop').waitFor();
    const list = page.getByRole('complementary', { name: 'History' });
    await vi.waitFor(async () =>
      expect(await list.getByRole('img', { name: 'an answer runs' }).count()).toBe(2),
    );
    await button('History an answer runs').waitFor();
    const asked: string[] = [];
    page.on('request', (request) => asked.push(new URL(request.url()).pathname));
    await page.reload();
    await button('Stop').waitFor();
    await button('History an answer runs').click();
    await list.getByRole('button', { name: 'The first of two an answer runs' }).click();
    await page.getByRole('article', { name: 'User' }).getByText('The first of two').waitFor();
    await answered();
    expect((await assistant.innerText()).match(/drop/g)).toHaveLength(20);
    await list.getByRole('button', { name: 'The second of two' }).first().click();
    await page.getByRole('article', { name: 'User' }).getByText('The second of two').waitFor();
    await answered();
    expect((await assistant.innerText()).match(/drop/g)).toHaveLength(20);
    expect(await list.getByRole('img', { name: 'an answer runs' }).count()).toBe(0);
    expect(asked.filter((path) => path.startsWith('/v1/streams/'))).toHaveLength(2);
    expect(asked.filter((path) => path.endsWith('/events'))).toEqual([]);
  });

  test('the history is searched, named, deleted with a way back, exported and imported', async () => {
    const { page, choose, ask, answered, button, message, assistant } = await open();
    await choose('other');
    await ask('Tell me about salt');
    await answered();
    await button('New chat').click();
    await choose('lab/plain');
    await ask('Tell me about rivers');
    await answered();
    await button('History').click();
    const list = page.getByRole('region', { name: 'Today' });
    const titles = async (): Promise<string[]> =>
      (
        await list
          .getByRole('listitem')
          .getByRole('button', { name: /^Tell|^Water/ })
          .allInnerTexts()
      ).map((text) => text.split('\n', 1)[0] ?? '');
    await vi.waitFor(async () =>
      expect(await titles()).toEqual(['Tell me about rivers', 'Tell me about salt']),
    );
    const search = page.getByRole('searchbox', { name: 'Search chats' });
    await search.fill('sea wide');
    await vi.waitFor(async () => expect(await titles()).toEqual(['Tell me about salt']));
    await search.fill('');
    await button('More for Tell me about rivers').click();
    await page.getByRole('menuitem', { name: 'Rename' }).click();
    await page.getByRole('textbox', { name: 'Name of the chat' }).fill('Water');
    await page.keyboard.press('Enter');
    await vi.waitFor(async () => expect(await titles()).toEqual(['Water', 'Tell me about salt']));
    const [download] = await Promise.all([page.waitForEvent('download'), button('Export all').click()]);
    const file = await readFile(await download.path(), 'utf8');
    expect(file).not.toContain(server.apiKey);
    await button('More for Water').click();
    await page.getByRole('menuitem', { name: 'Delete' }).click();
    await vi.waitFor(async () => expect(await titles()).toEqual(['Tell me about salt']));
    await assistant.waitFor({ state: 'detached' });
    await button('Undo').click();
    await vi.waitFor(async () => expect(await titles()).toEqual(['Water', 'Tell me about salt']));
    const imported = async (other: PlaygroundPage, text: string): Promise<void> => {
      const buffer = Buffer.from(text);
      await other.page
        .getByLabel('File with chats')
        .setInputFiles({ name: 'chats.json', mimeType: 'application/json', buffer });
    };
    await imported({ page } as PlaygroundPage, file);
    await page.getByText('Imported: 0; here already: 2').waitFor();
    const elsewhere = await open();
    await elsewhere.button('History').click();
    await elsewhere.page.getByText('No chats yet.').waitFor();
    await imported(elsewhere, '{"format":"other"}');
    await elsewhere.page.getByText('chats.json holds no chats of this page.').waitFor();
    await imported(elsewhere, file);
    await elsewhere.page.getByText('Imported: 2').waitFor();
    await elsewhere.page.getByRole('button', { name: /^Water/ }).click();
    await elsewhere.assistant.getByText('Rivers carry water downhill.').waitFor();
    expect(await elsewhere.page.getByRole('combobox', { name: 'Model' }).inputValue()).toBe('lab/plain');
    await elsewhere.message.waitFor();
    await message.waitFor();
  });

  test('a chat is opened again from the history after its tab was closed, by keyboard alone', async () => {
    const { page, choose, ask, answered } = await open();
    await choose('lab/plain');
    await ask('Before the tab is closed');
    await answered();
    const other = await page.context().newPage();
    await page.close();
    await other.goto(`${server.baseUrl}/`);
    await other.getByLabel('API key').fill(server.apiKey);
    await other.getByRole('button', { name: 'Sign in' }).click();
    await other.getByRole('button', { name: 'History', exact: true }).press('Enter');
    await other.getByRole('button', { name: /^Before the tab is closed/ }).press('Enter');
    await other
      .getByRole('article', { name: 'Assistant' })
      .getByText('Rivers carry water downhill.')
      .waitFor();
  });

  test('a full storage of the browser is said', async () => {
    const { page, choose, ask, alert } = await open();
    await page.evaluate(`IDBObjectStore.prototype.put = () => {
      throw new DOMException('no room', 'QuotaExceededError');
    }`);
    await choose('lab/plain');
    await ask('Hello');
    await alert.getByText('This browser has no room left').waitFor();
  });

  test('a link shows the same chat in another browser, and asks the server for nothing', async () => {
    const { page, choose, ask, answered, button, user } = await open();
    await choose('lab/plain');
    await page.getByRole('textbox', { name: 'System prompt' }).fill('Be brief. <b>é</b>');
    await page.getByRole('textbox', { name: 'temperature' }).fill('0.5');
    await ask('The first way');
    await answered();
    await user.getByRole('button', { name: 'Edit' }).click();
    await page.getByRole('textbox', { name: 'Edit message' }).fill('The way that is shared');
    await button('Save and send').click();
    await answered();
    await button('Share').click();
    const link = await page.getByRole('textbox', { name: 'Link' }).inputValue();
    expect(link.startsWith(`${server.baseUrl}/#share=`)).toBe(true);
    const other = await open({ key: null, address: link });
    const posted: string[] = [];
    other.page.on('request', (request) => {
      if (request.method() === 'POST') posted.push(request.url());
    });
    await other.page.getByLabel('API key').fill(server.apiKey);
    await other.button('Sign in').click();
    await other.page.getByText('This chat came from a link.').waitFor();
    expect(await other.user.allInnerTexts()).toEqual([expect.stringContaining('The way that is shared')]);
    await other.assistant.getByText('Rivers carry water downhill.').waitFor();
    expect(await other.page.getByRole('textbox', { name: 'System prompt' }).inputValue()).toBe(
      'Be brief. <b>é</b>',
    );
    expect(await other.page.getByRole('textbox', { name: 'temperature' }).inputValue()).toBe('0.5');
    expect(await other.page.getByRole('combobox', { name: 'Model' }).inputValue()).toBe('lab/plain');
    expect(await other.button('Previous version').count()).toBe(0);
    expect(other.page.url()).toBe(`${server.baseUrl}/`);
    expect(posted).toEqual([]);
    await other.ask('Go on');
    await other.answered();
    expect(await other.assistant.count()).toBe(2);
  });

  test('a link that holds no chat is said, and a chat that is too long for one is exported', async () => {
    const { page, choose, ask, button, answered } = await open({ address: `${server.baseUrl}/#share=AAAA` });
    await page.getByText('The link holds no chat').waitFor();
    await button('Dismiss').click();
    await choose('lab/plain');
    await ask(Array.from({ length: 9_000 }, (_, at) => ((at * 7919) % 1_000_003).toString(36)).join(' '));
    await answered();
    await button('Share').click();
    await page.getByText('This chat is too long for a link').waitFor();
    const [download] = await Promise.all([page.waitForEvent('download'), button('Export').click()]);
    expect(download.suggestedFilename()).toBe('tailrace-chat.json');
  });

  test('two models answer one prompt side by side, with settings of their own, until one is used', async () => {
    const { page, choose, ask, answered, button, message } = await open();
    await choose('lab/plain');
    await button('Compare').click();
    const one = page.getByRole('region', { name: 'Lane 1' });
    const two = page.getByRole('region', { name: 'Lane 2' });
    await two.getByRole('combobox', { name: 'Model of Lane 2' }).selectOption('other');
    await two.getByRole('textbox', { name: 'System prompt' }).fill('You know the sea.');
    await button('Settings of Lane 2').click();
    await page.getByRole('textbox', { name: 'temperature' }).fill('0.7');
    await button('Settings of Lane 1').click();
    expect(await page.getByRole('textbox', { name: 'temperature' }).inputValue()).toBe('');
    await ask('What is there?');
    await answered();
    const answerIn = (lane: typeof one) => lane.getByRole('article', { name: 'Assistant' });
    await answerIn(one).getByText('Rivers carry water downhill.').waitFor();
    await answerIn(two).getByText('The sea is wide.').waitFor();
    await answerIn(one).getByText('tokens', { exact: true }).waitFor();
    await answerIn(two).getByText('tokens', { exact: true }).waitFor();
    await page.reload();
    await answerIn(two).getByText('The sea is wide.').waitFor();
    await two.getByRole('button', { name: 'Use this one' }).click();
    await vi.waitFor(async () => expect(await one.count()).toBe(0));
    expect(await page.getByRole('combobox', { name: 'Model' }).inputValue()).toBe('other');
    expect(await page.getByRole('textbox', { name: 'System prompt' }).inputValue()).toBe('You know the sea.');
    await message.waitFor();
    await button('History').click();
    const list = page.getByRole('region', { name: 'Today' }).getByRole('listitem');
    await vi.waitFor(async () => expect(await list.count()).toBe(2));
  });

  test('up to four chats run together, and each stops alone', async () => {
    const { page, choose, ask, answered, button } = await open();
    await choose('lab/endless');
    await button('Compare').click();
    await button('Add lane').click();
    await button('Add lane').click();
    expect(await button('Add lane').isDisabled()).toBe(true);
    const models = page.getByRole('combobox', { name: /^Model of Lane/ });
    expect(await models.count()).toBe(4);
    await button('Remove Lane 4').click();
    for (const at of [1, 2]) await models.nth(at).selectOption('lab/endless');
    await ask('Begin');
    for (const lane of ['Lane 1', 'Lane 2', 'Lane 3'])
      await page.getByRole('region', { name: lane }).getByText('drop drop').waitFor();
    await button('Stop Lane 2').click();
    const stopped = page.getByText('stopped', { exact: true });
    await vi.waitFor(async () => expect(await stopped.count()).toBe(1));
    expect(await button('Stop Lane 1').isVisible()).toBe(true);
    await button('Stop').click();
    await answered();
    await vi.waitFor(async () => expect(await stopped.count()).toBe(3));
  });

  test.each([
    ['light', 1440],
    ['dark', 390],
  ] as const)(
    'axe finds nothing in history, share and compare, and nothing is cut off, %s at %i pixels',
    async (colorScheme, width) => {
      const { page, choose, ask, answered, button } = await open({
        colorScheme,
        viewport: { width, height: 844 },
      });
      const look = async (view: string): Promise<void> => {
        await page.evaluate(axe.source);
        const found = await page.evaluate('axe.run().then(({ violations }) => violations)');
        const briefly = (found as axe.Result[]).map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`);
        expect(briefly, view).toEqual([]);
        expect(await page.evaluate('document.documentElement.scrollWidth'), view).toBe(width);
      };
      await choose('lab/plain');
      await ask('Hello');
      await answered();
      await button('Regenerate').click();
      await answered();
      await button('With another model').click();
      await look('versions and the menu of models');
      await page.keyboard.press('Escape');
      await button('History').click();
      await page.getByRole('button', { name: /^Hello/ }).waitFor();
      await look('History');
      await button('Close History').click();
      await button('Share').click();
      await page.getByRole('textbox', { name: 'Link' }).waitFor();
      await look('Share');
      await page.keyboard.press('Escape');
      await button('Compare').click();
      await page.getByRole('region', { name: 'Lane 2' }).waitFor();
      await look('Compare');
    },
  );
});
