import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { startBrowser, withoutBrowser } from '../support/browser.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { type FrameFigures, takeFrames, watchFrames, weigh } from './frames.ts';
import { type LongAnswer, longAnswerServer, longAnswers, modelOf, piecesOf } from './long-answers.ts';
import { openPage, type PlaygroundPage } from './page.ts';

/*
 * Long answers as fast as the page takes them. What may not be wrong on any machine is checked: the text is whole, and elements and
 * memory are bounded. Frames are printed; `bench/page` judges them on a quiet machine.
 */

const reason = withoutBrowser === undefined ? '' : ` (skipped: ${withoutBrowser})`;

describe.skipIf(withoutBrowser !== undefined)(`long answers in Chromium${reason}`, () => {
  let server: TestServer;
  let browser: Browser;
  beforeAll(async () => {
    [server, browser] = await Promise.all([startServer(longAnswerServer(0)), startBrowser()]);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
  });

  async function answered(
    name: LongAnswer,
    options: Parameters<typeof openPage>[2] = {},
  ): Promise<{ page: PlaygroundPage; frames: FrameFigures }> {
    const page = await openPage(browser, server, options);
    onTestFinished(async () => {
      await page.close();
      expect(page.offences).toEqual([]);
    });
    await page.choose(modelOf(name));
    await watchFrames(page.page);
    await page.ask('Go');
    await page.assistant.getByText('stop', { exact: true }).waitFor({ timeout: 90_000 });
    const frames = await takeFrames(page.page);
    const { frames: count, medianMs, longestMs, over100 } = frames;
    process.stdout.write(
      `${name}, ${piecesOf(name)} events: ${count} frames, median ${medianMs} ms, longest ${longestMs} ms, ${over100} over 100 ms\n`,
    );
    return { page, frames };
  }

  const letters = (text: string): string => text.replaceAll(/[^a-z0-9]/gi, '');

  test('20,000 tokens: the text is whole, and the memory of page and wire is bounded', async () => {
    expect(piecesOf('document')).toBeGreaterThan(20_000);
    const { page } = await answered('document', { reducedMotion: 'reduce' });
    const { elements, heapMb } = await weigh(page.page);
    expect(elements).toBeLessThan(8_000);
    expect(heapMb).toBeLessThan(150);
    const text = letters((await page.assistant.locator('.markdown').textContent()) ?? '');
    expect(text).toContain(letters('return input.length * 144;'));
    expect(text.match(/Part\d+/g)?.length).toBe(145);
    // Whoever wants no motion sees none, while the answer waits and when it has come.
    const moving = `[...document.querySelectorAll('*')].filter((one) => getComputedStyle(one).animationName !== 'none').length`;
    expect(await page.page.evaluate(moving)).toBe(0);
    // Rows of the wire are elements only where they are in sight.
    await page.button('Wire').click();
    await page.page.getByRole('region', { name: 'Events' }).getByText('[DONE]').waitFor();
    expect((await weigh(page.page)).elements).toBeLessThan(elements + 500);
  });

  test.each(['one word', 'one line of code', 'one block of code'] as const)(
    '%s of 100 kB is drawn in pieces, and nothing of it is lost',
    async (name) => {
      const { page } = await answered(name);
      const shown = letters((await page.assistant.locator('.markdown').textContent()) ?? '');
      expect(shown).toContain(letters(longAnswers[name].replaceAll(/^```\w*$/gm, '')));
      const longest = `Math.max(...[...document.querySelectorAll('.markdown .piece, .markdown .code-piece')].map((one) => one.textContent.length))`;
      expect(await page.page.evaluate(longest)).toBeLessThanOrEqual(4_096);
    },
  );

  test('a table of thousands of rows shows some, and more when it is asked', async () => {
    const { page } = await answered('one table');
    const rows = page.assistant.locator('tbody tr');
    const before = await rows.count();
    expect(before).toBeLessThan(500);
    await page.page.getByRole('button', { name: /further rows/ }).click();
    expect(await rows.count()).toBeGreaterThan(before + 500);
  });

  test('a list of thousands of items is a list', async () => {
    const { page } = await answered('one list');
    await page.assistant.getByRole('listitem').filter({ hasText: 'item 2399 ' }).waitFor();
    expect(await page.assistant.getByRole('listitem').count()).toBe(2_400);
  });
});
