import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { healthyTokens } from '../../packages/server/src/wall/healthy-answer.ts';
import { startBrowser, withoutBrowser } from '../support/browser.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { looksRight } from './axe.ts';
import { openPage, type PlaygroundPage } from './page.ts';

const reason = withoutBrowser === undefined ? '' : ` (skipped: ${withoutBrowser})`;
const ready = 'Tell me about the mill.';
const textFor = (content: string): string =>
  healthyTokens({ messages: [{ role: 'user', text: content }] }).join('');

// The server has no model of its own: the lab needs none.
describe.skipIf(withoutBrowser !== undefined)(`the fault lab in Chromium${reason}`, () => {
  let server: TestServer;
  let browser: Browser;
  beforeAll(async () => {
    [server, browser] = await Promise.all([startServer({ model: 'none' }), startBrowser()]);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
  });

  async function open(options: Parameters<typeof openPage>[2] = {}): Promise<PlaygroundPage> {
    const page = await openPage(browser, server, options);
    // The browser reports each of them as an error.
    const missing: string[] = [];
    page.page.on('response', (response) => {
      if (response.status() === 404) missing.push(response.url());
    });
    onTestFinished(async () => {
      await page.close();
      expect(page.offences).toEqual([]);
      expect(missing).toEqual([]);
    });
    return page;
  }

  async function openLab(options: Parameters<typeof openPage>[2] = {}) {
    const page = await open(options);
    await page.button('Fault lab').click();
    const panel = page.page.getByRole('complementary', { name: 'Fault lab' });
    return { ...page, panel, story: panel.getByRole('region', { name: 'Story' }) };
  }

  /** The text of the last message as it came, not as it is drawn. */
  const lastText = ({ page }: Pick<PlaygroundPage, 'page'>): Promise<string> =>
    page.evaluate<string>(`
      window.dispatchEvent(new Event('pagehide'));
      JSON.parse(sessionStorage.getItem('tailrace-page'))[0].draft.tree.all.at(-1).text`);

  test('a refusing target, a healthy second one: failover is seen, and the text is whole', async () => {
    const lab = await openLab();
    const { panel, story, message, button, answered, user } = lab;
    await panel.getByRole('searchbox', { name: 'Search faults' }).fill('503 hang');
    await panel.getByRole('radio', { name: '503-hang', exact: true }).waitFor();
    expect(await panel.getByRole('group', { name: 'Refusals' }).getByRole('radio').count()).toBe(1);
    await panel.getByRole('searchbox', { name: 'Search faults' }).fill('503');
    await panel.getByRole('radio', { name: '503', exact: true }).check();
    await panel.getByRole('radio', { name: 'With a healthy second target' }).check();
    await panel.getByText('The second target is asked before you have seen a word').waitFor();
    await message.fill('What is a weir?');
    await button('Send through it').click();
    await story.getByText('Failover: the next one is asked.').waitFor();
    await story.getByText('As expected.').waitFor();
    await answered();
    const steps = await story.getByRole('listitem').allTextContents();
    expect(steps.map((step) => step.replace(/^[\d.]+ m?s/, '').replace(/\d+ tokens/, 'N tokens'))).toEqual([
      'The first target is asked. fault-lab/wall/503',
      'It failed before its first word: upstream_refused',
      'Failover: the next one is asked. fault-lab-spare/wall/healthy',
      'It answered: N tokens. ',
      'You have the whole answer. ',
    ]);
    expect(await user.innerText()).toContain('What is a weir?');
    expect(await message.inputValue()).toBe('');
    expect(await lastText(lab)).toBe(textFor('What is a weir?'));
  });

  test('a target that breaks off: the takeover is seen while it streams, and each word comes once', async () => {
    const lab = await openLab();
    const { story, button, answered, assistant } = lab;
    // What is chosen at first is a takeover, and nothing is typed.
    await button('Send through it').click();
    await story.getByText('It failed after 3 tokens: upstream_cut').waitFor();
    await story.getByText('Takeover: the next one goes on behind 3 tokens.').waitFor();
    await story.getByText('It answers.').waitFor();
    await story.getByText('As expected.').waitFor();
    await answered();
    expect(await lastText(lab)).toBe(textFor(ready));
    // The same question without help is another branch of the chat, and ends in the error that the stream had.
    await lab.panel.getByRole('radio', { name: 'The broken target alone' }).check();
    await button('Send through it').click();
    await lab.alert.getByText('upstream_cut').waitFor();
    await story.getByText('The stream ends in an error event, not in a finish: upstream_cut').waitFor();
    await story.getByText('As expected.').waitFor();
    expect(textFor(ready).startsWith(await lastText(lab))).toBe(true);
    expect(await assistant.count()).toBe(1);
  });

  test('a connection that is cut is picked up: the text is whole, was made once, and the figures say so', async () => {
    const lab = await openLab();
    const { panel, story, button, answered, assistant } = lab;
    await panel.getByRole('radio', { name: 'slow-first-token', exact: true }).check();
    await lab.message.fill('Where does the river go?');
    await button('Send through it').click();
    for (let time = 1; time <= 2; time += 1) {
      await button('Cut my connection').click();
      await assistant
        .getByText(time === 1 ? /^after \d+ ms, nothing lost$/ : /^2 times, last after/)
        .waitFor();
    }
    await answered();
    await story.getByText(/Your connection broke and was picked up 2 times, .*nothing lost/).waitFor();
    await story.getByText('As expected.').waitFor();
    expect(await lastText(lab)).toBe(textFor('Where does the river go?'));
    expect(await button('Cut my connection').isDisabled()).toBe(true);
    const listed = await fetch(
      `${server.baseUrl}/admin/v1/requests?model=fault-lab/takeover/slow-first-token:500ms`,
      { headers: { authorization: `Bearer ${server.adminKey}` } },
    );
    expect((await listed.json()) as object).toMatchObject({ data: [{ status: 'completed', attempts: 1 }] });
  });

  test('an answer that no target gives is a refusal in the chat and in the story', async () => {
    const { panel, story, button, alert, user, assistant } = await openLab();
    await panel.getByRole('radio', { name: '401', exact: true }).check();
    await panel.getByRole('radio', { name: 'The broken target alone' }).check();
    await panel.getByText('the request is refused with 502 and the code upstream_auth').waitFor();
    await button('Send through it').click();
    await alert.getByText('upstream_auth').waitFor();
    await story.getByText('As expected.').waitFor();
    expect([await user.count(), await assistant.count()]).toEqual([1, 0]);
  });

  test('a key of some models has no lab; of the lab only, its part', async () => {
    const made = async (models: readonly string[]) => {
      const response = await fetch(`${server.baseUrl}/admin/v1/keys`, {
        method: 'POST',
        headers: { authorization: `Bearer ${server.adminKey}`, 'content-type': 'application/json' },
        body: JSON.stringify({ models }),
      });
      return ((await response.json()) as { key: string }).key;
    };
    const other = await open({ key: await made(['acme/*']) });
    await other.message.waitFor();
    await other.page.waitForLoadState('networkidle');
    expect(await other.button('Fault lab').count()).toBe(0);
    const { panel } = await openLab({ key: await made(['fault-lab/failover*']) });
    await panel.getByRole('radio', { name: '503', exact: true }).waitFor();
    expect(await panel.getByRole('group', { name: 'Its targets' }).getByRole('radio').count()).toBe(1);
  });

  test('the panel is used with the keyboard alone, and has no violation that axe knows', async () => {
    const { page, panel, story } = await openLab({ colorScheme: 'dark' });
    await panel.getByRole('radio', { name: 'cut-rst', exact: true }).focus();
    await page.keyboard.press('ArrowDown');
    await panel.getByRole('radio', { name: 'cut-fin', exact: true, checked: true }).waitFor();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await story.getByText('As expected.').waitFor();
    await looksRight(page, 'the lab');
    await page.keyboard.press('Escape');
    await panel.waitFor({ state: 'detached' });
  });
});
