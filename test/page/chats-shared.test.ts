import { describe, expect, test, vi } from 'vitest';
import { withoutBrowser } from '../support/browser.ts';
import { looks, looksRight } from './axe.ts';
import { startChatSuite } from './chat-suite.ts';

const reason = withoutBrowser === undefined ? '' : ` (skipped: ${withoutBrowser})`;

describe.skipIf(withoutBrowser !== undefined)(
  `chats of the page that are shared and compared, in Chromium${reason}`,
  () => {
    const { server, open } = startChatSuite();

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
      expect(link.startsWith(`${server().baseUrl}/#share=`)).toBe(true);
      const other = await open({ key: null, address: link });
      const posted: string[] = [];
      other.page.on('request', (request) => {
        if (request.method() === 'POST') posted.push(request.url());
      });
      await other.page.getByLabel('API key').fill(server().apiKey);
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
      expect(other.page.url()).toBe(`${server().baseUrl}/`);
      expect(posted).toEqual([]);
      await other.ask('Go on');
      await other.answered();
      expect(await other.assistant.count()).toBe(2);
    });

    test('a link that holds no chat is said, and a chat that is too long for one is exported', async () => {
      const { page, choose, ask, button, answered } = await open({
        address: `${server().baseUrl}/#share=AAAA`,
      });
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
      expect(await page.getByRole('textbox', { name: 'System prompt' }).inputValue()).toBe(
        'You know the sea.',
      );
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

    test.each(looks)(
      'axe finds nothing in history, share and compare, and nothing is cut off, %s at %i pixels',
      async (colorScheme, width) => {
        const { page, choose, ask, answered, button } = await open({
          colorScheme,
          viewport: { width, height: 844 },
        });
        const look = (view: string): Promise<void> => looksRight(page, view);
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
  },
);
