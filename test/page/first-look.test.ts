import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { otherMachine, startBrowser, withoutBrowser } from '../support/browser.ts';
import { labFiles, labModels, labUpstreams } from '../support/lab.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { type OpenOptions, openConsole, openPage, type PlaygroundPage } from './page.ts';

const reason = withoutBrowser === undefined ? '' : ` (skipped: ${withoutBrowser})`;
const phone = { viewport: { width: 390, height: 844 } };
const longModel = 'meta-llama/llama-3.3-70b-instruct';

/* What somebody sees who opens the page for the first time: how much room things take, and that nothing breaks on the way. */

describe.skipIf(withoutBrowser !== undefined)(`a first look at the page${reason}`, () => {
  let server: TestServer;
  let browser: Browser;
  beforeAll(async () => {
    [server, browser] = await Promise.all([
      startServer({
        model: 'none',
        config: {
          upstreams: { ...labUpstreams, own: { kind: 'scripted', script: './own.yaml' } },
          models: {
            'own/long': {
              targets: [{ upstream: 'own', model: longModel }],
              price: { input: 3, output: 15 },
            },
            ...labModels,
          },
        },
        files: {
          ...labFiles,
          'own.yaml': {
            answers: [
              {
                steps: [
                  { text: ['Rivers ', 'carry ', 'water ', 'downhill.'] },
                  { usage: { prompt_tokens: 1_240, completion_tokens: 168 } },
                ],
              },
            ],
          },
        },
      }),
      startBrowser(),
    ]);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
  });

  function kept(page: PlaygroundPage): PlaygroundPage {
    onTestFinished(async () => {
      await page.close();
      expect(page.offences).toEqual([]);
    });
    return page;
  }

  const open = async (options: OpenOptions = {}): Promise<PlaygroundPage> =>
    kept(await openPage(browser, server, options));

  test('the details of an answer are open, and one goes to the console and back', async () => {
    const { page, choose, ask, answered, button } = await open();
    await choose('own/long');
    await ask('What do rivers carry?');
    await answered();
    await button('Details').click();
    await page.getByRole('link', { name: 'Console' }).click();
    await page.getByRole('heading', { name: 'The console takes an admin key' }).waitFor();
    await page.getByRole('link', { name: 'Playground' }).click();
    await page.getByText('Rivers carry water downhill.').waitFor();
  });

  test('a page that comes over plain HTTP from another machine answers too', async () => {
    const baseUrl = `http://${otherMachine}:${server.port}`;
    const { page, choose, ask, answered, offences, close } = await openPage(browser, { ...server, baseUrl });
    onTestFinished(close);
    expect(await page.evaluate<boolean>('window.isSecureContext')).toBe(false);
    await choose('own/long');
    await ask('What do rivers carry?');
    await answered();
    await page.getByText('Rivers carry water downhill.').waitFor();
    // Chromium says so of each such page.
    expect(offences.filter((one) => !one.startsWith('The Cross-Origin-Opener-Policy header'))).toEqual([]);
  });

  test('a page that was open while the server was updated says so, and is whole again after a reload', async () => {
    const { page, choose, ask, answered, button, alert, close } = await openPage(browser, server);
    onTestFinished(close);
    await choose('own/long');
    await ask('What do rivers carry?');
    await answered();
    const files = '**/assets/console-*.js';
    await page.route(files, (route) => route.fulfill({ status: 404, body: '{}' }));
    await page.getByRole('link', { name: 'Console' }).click();
    await alert.filter({ hasText: 'A part of this page could not be loaded' }).waitFor();
    await page.getByText('The server has been updated since this page was opened').waitFor();
    await page.unroute(files);
    await button('Reload').click();
    await page.getByRole('heading', { name: 'The console takes an admin key' }).waitFor();
    await page.getByRole('link', { name: 'Playground' }).click();
    await page.getByText('Rivers carry water downhill.').waitFor();
  });

  test('the figures of an answer stand in one line, however long the name of the target is', async () => {
    const { choose, ask, answered, assistant } = await open({ viewport: { width: 1440, height: 900 } });
    await choose('own/long');
    await ask('What do rivers carry?');
    await answered();
    const figures = assistant.getByLabel('Figures of the answer');
    await figures.getByText('$0.00624').waitFor();
    expect((await figures.boundingBox())?.height).toBeLessThan(24);
    expect(await figures.getByTitle(`own/${longModel}`).count()).toBe(1);
  });

  test('on a phone the toolbar takes two lines, and all of it can be reached', async () => {
    const { page, button, assistant, ask, answered } = await open(phone);
    const toolbar = page.getByRole('region', { name: 'The request' });
    expect((await toolbar.boundingBox())?.height).toBeLessThan(90);
    await ask('What do rivers carry?');
    await answered();
    await button('New chat').click();
    await assistant.waitFor({ state: 'detached' });
    expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBe(390);
  });

  test('after a reload the end of the chat is in sight, also where its answer is a tree that is loaded first', async () => {
    const { page, button, ask, answered, assistant, choose } = await open({
      viewport: { width: 1280, height: 600 },
    });
    await choose('lab/json');
    await page.getByRole('combobox', { name: 'response_format' }).selectOption('json_object');
    for (let asked = 0; asked < 4; asked += 1) {
      await ask('An empty object.');
      await answered();
    }
    await page.reload();
    await assistant.last().getByText('Tree').waitFor();
    await expect.poll(async () => (await button('Regenerate').boundingBox())?.y).toBeLessThan(540);
  });

  test('what the server says of a value leaves the field with the value', async () => {
    const { page, ask, answered, alert } = await open();
    const temperature = page.getByRole('textbox', { name: 'temperature' });
    await temperature.fill('9');
    await ask('What do rivers carry?');
    await alert.getByText('invalid_value').waitFor();
    expect(await temperature.getAttribute('aria-invalid')).toBe('true');
    await temperature.fill('1');
    expect(await temperature.getAttribute('aria-invalid')).toBe('false');
    await ask('What do rivers carry?');
    await answered();
    await alert.waitFor({ state: 'detached' });
  });

  test('the overview of a server that has just been started begins with a quarter of an hour', async () => {
    const { page, ask, answered, choose } = kept(await openConsole(browser, server, ''));
    await choose('own/long');
    await ask('What do rivers carry?');
    await answered();
    await page.getByRole('link', { name: 'Console' }).click();
    const range = page.getByRole('group', { name: 'Range' });
    await range.getByRole('button', { name: '15 min', pressed: true }).waitFor();
    await range.getByRole('button', { name: '1 h' }).click();
    await range.getByRole('button', { name: '1 h', pressed: true }).waitFor();
  });
});
