import { readFile } from 'node:fs/promises';
import { describe, expect, test, vi } from 'vitest';
import { withoutBrowser } from '../support/browser.ts';
import { startChatSuite } from './chat-suite.ts';
import type { PlaygroundPage } from './page.ts';

const reason = withoutBrowser === undefined ? '' : ` (skipped: ${withoutBrowser})`;

describe.skipIf(withoutBrowser !== undefined)(`the chats of the page in Chromium${reason}`, () => {
  const { server, open } = startChatSuite();

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
    // The menu takes the focus when it is shown.
    await vi.waitFor(async () => expect(await page.evaluate('document.activeElement.role')).toBe('menuitem'));
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
    expect(file).not.toContain(server().apiKey);
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
    await other.goto(`${server().baseUrl}/`);
    await other.getByLabel('API key').fill(server().apiKey);
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

  test('two tabs go on with one chat, and each finds what the other one has added', async () => {
    const { page, choose, ask, answered } = await open();
    await choose('lab/plain');
    await ask('One chat');
    await answered();
    const other = await page.context().newPage();
    await other.goto(`${server().baseUrl}/`);
    await other.getByLabel('API key').fill(server().apiKey);
    await other.getByRole('button', { name: 'Sign in' }).click();
    const openIn = async (tab: typeof page): Promise<void> => {
      const history = tab.getByRole('button', { name: 'History', exact: true });
      if ((await history.getAttribute('aria-pressed')) !== 'true') await history.click();
      await tab.getByRole('button', { name: /^One chat/ }).click();
      await tab.getByRole('article', { name: 'User' }).first().waitFor();
    };
    await openIn(other);
    await ask('From the first tab');
    await answered();
    await other.getByRole('textbox', { name: 'Message', exact: true }).fill('From the other tab');
    await other.keyboard.press('Enter');
    await other.getByRole('article', { name: 'Assistant' }).nth(1).getByText('downhill.').waitFor();
    await other.getByRole('button', { name: 'Send' }).waitFor();
    await page.getByRole('button', { name: 'New chat' }).click();
    await openIn(page);
    await page.getByText('From the first tab').or(page.getByText('From the other tab')).waitFor();
    await page.getByText(/^[12] \/ 2$/).waitFor();
  });
});
