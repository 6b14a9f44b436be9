import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import type { Browser, Locator } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { administer } from '../ledger/administrator.ts';
import { startBrowser, withoutBrowser } from '../support/browser.ts';
import { labFiles, labModels, labUpstreams } from '../support/lab.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { looks, looksRight } from './axe.ts';
import { openPage, type PlaygroundPage } from './page.ts';

/*
 * What the playground tells of a model, of an answer and of the wire; the program of a request, the colours of code, and the keys.
 */

const code = [
  'Here:\n\n```ts\nexport function double(value: number): number {\n  return value * 2; // twice\n}\n```\n\n',
  'And data:\n\n```json\n{"name": "tailrace", "port": 7245}\n```\n\nDone.',
];

const answers = [
  {
    when: { model: 'priced' },
    steps: [{ text: ['One ', 'two ', 'three '] }, { wait: '150ms' }, { text: 'four.' }, usage()],
  },
  {
    when: { model: 'thoughtful' },
    steps: [
      ...[{ reasoning: ['Hm. ', 'Well. '] }, { wait: '40ms' }, { text: 'An ' }, { wait: '40ms' }],
      ...[{ text: 'answer.' }, usage()],
    ],
  },
  { when: { model: 'code' }, steps: [{ text: code }, { finish: 'stop' }] },
  {
    when: { model: 'broken' },
    steps: [
      { text: ['Half of '] },
      { fail: { code: 'upstream_cut', message: 'The scripted upstream stopped.' } },
    ],
  },
  { when: { model: 'whole' }, steps: [{ text: ['Half of ', 'the answer and the rest.'] }, usage()] },
];

function usage(): object {
  return { usage: { prompt_tokens: 1_000, completion_tokens: 100, cached_tokens: 200 } };
}

const target = (model: string): object => ({ upstream: 'own', model });
const models = {
  priced: {
    targets: [target('priced')],
    context: 4_096,
    price: { input: 1, cached: 0.5, output: 10, above: [{ tokens: 100_000, input: 2 }] },
  },
  thoughtful: { targets: [target('thoughtful')] },
  code: { targets: [target('code')] },
  rescued: {
    targets: [target('broken'), { ...target('whole'), priority: 1, takeover: 'replay' }],
  },
};

const reason = withoutBrowser === undefined ? '' : ` (skipped: ${withoutBrowser})`;

describe.skipIf(withoutBrowser !== undefined)(`the instruments of the playground${reason}`, () => {
  let server: TestServer;
  let browser: Browser;
  beforeAll(async () => {
    [server, browser] = await Promise.all([
      startServer({
        model: 'default',
        config: {
          upstreams: { ...labUpstreams, own: { kind: 'scripted', script: './own.yaml' } },
          models: { ...models, ...labModels },
        },
        files: {
          ...labFiles,
          'own.yaml': { models: { priced: { capabilities: ['tools', 'stop'] } }, answers },
        },
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

  /** Reloads the server with these settings; the test ends with those from before. */
  async function configured(settings: object): Promise<void> {
    const before = readFileSync(server.configFile, 'utf8');
    const reload = async (text: string) => {
      writeFileSync(server.configFile, text);
      await administer(server, 'reload', {});
    };
    await reload(JSON.stringify({ ...(JSON.parse(before) as object), ...settings }));
    onTestFinished(() => reload(before));
  }

  /** The figures of the last answer, by their names. */
  async function figures(list: Locator): Promise<Readonly<Record<string, string>>> {
    const names = await list.getByRole('term').allInnerTexts();
    const values = await list.getByRole('definition').allInnerTexts();
    return Object.fromEntries(
      names.map((name, at) => [name, (values[at] ?? '').replaceAll(/\s+/g, ' ').trim()]),
    );
  }

  async function details(assistant: Locator): Promise<Locator> {
    await assistant.getByRole('button', { name: 'Details' }).click();
    return assistant
      .getByRole('list', { name: 'Details of the answer' })
      .or(assistant.locator('dl.answer-details'));
  }

  test('beside the choice of the model stands what it takes, how much it reads and what it costs', async () => {
    const { page, choose, button } = await open();
    await choose('priced');
    await button('About this model').click();
    const about = page.getByRole('dialog', { name: 'About priced' });
    expect(await figures(about)).toMatchObject({
      Context: '4,096 tokens',
      Price: expect.stringMatching(/^\$1 prompt, \$10 answer, \$0\.50 cached per million tokens/),
    });
    expect(await about.getByRole('listitem').filter({ hasText: 'Tools' }).innerText()).toContain('✓');
    expect(await about.getByRole('listitem').filter({ hasText: 'Images' }).innerText()).toContain('(no)');
    await page.keyboard.press('Escape');
    await about.waitFor({ state: 'hidden' });
  });

  test('an answer tells its tokens, its cost and its finish, and under Details its phases, gaps and context', async () => {
    const { choose, ask, answered, assistant } = await open();
    await choose('priced');
    await ask('Count');
    await answered();
    const main = await figures(assistant.locator('.meter-line'));
    // 800 prompt tokens at $1, 200 cached at $0.50 and 100 of the answer at $10 a million.
    expect(main).toMatchObject({
      tokens: '100 + 1,000 prompt',
      cost: '$0.0019',
      finish: 'stop',
      target: 'own/priced',
    });
    const more = await figures(await details(assistant));
    expect(more['Phases']).toMatch(/^Waiting .+s Answering .+s$/);
    expect(more['Gaps']).toMatch(/^median .+ ms, longest .+s$/);
    expect(more['Tokens']).toBe('1,000 prompt, of which 200 cached; 100 answer');
    expect(more['Context']).toContain('1,100 of 4,096 tokens, 27 %');
    expect(await assistant.getByRole('meter', { name: 'Context used' }).getAttribute('value')).toBe('1100');
    expect(more['Cost']).toContain('by the list price');
    expect(more['Request']).toContain('req_');
    expect(more['Completion']).toContain('chatcmpl-');
  });

  test('of the real model’s answer the wait is told apart: queue, prompt and the rest, streamed and whole', async () => {
    const { page, choose, ask, answered, assistant } = await open();
    await choose('smollm2-135m-instruct');
    await page.getByRole('textbox', { name: 'max_tokens' }).fill('12');
    await ask('What is gravity?');
    await answered();
    expect((await figures(await details(assistant)))['Phases']).toMatch(
      /^Queue .+s Prompt .+s Network and rest .+s Answering .+s$/,
    );
    expect(await assistant.locator('.phases > span').count()).toBe(4);
    await page.getByRole('switch', { name: 'Stream' }).uncheck();
    await ask('And light?');
    await answered();
    const whole = assistant.last();
    expect((await figures(await details(whole)))['Phases']).toMatch(/^Queue .+s Prompt .+s Waiting .+s$/);
  });

  test('they are told apart also where the head of the answer left before its first output', async () => {
    await configured({ stream: { hold_head: '0s' } });
    const { page, choose, ask, answered, assistant } = await open();
    await choose('smollm2-135m-instruct');
    await page.getByRole('textbox', { name: 'max_tokens' }).fill('12');
    const [head] = await Promise.all([
      page.waitForResponse((response) => response.url().endsWith('/v1/chat/completions')),
      ask('What is gravity?'),
    ]);
    expect(head.headers()).not.toHaveProperty('server-timing');
    await answered();
    const told = await details(assistant);
    await expect
      .poll(async () => (await figures(told))['Phases'])
      .toMatch(/^Queue .+s Prompt .+s Network and rest .+s Answering .+s$/);
  });

  test('thoughts have a phase of their own', async () => {
    const { choose, ask, answered, assistant } = await open();
    await choose('thoughtful');
    await ask('Think');
    await answered();
    expect((await figures(await details(assistant)))['Phases']).toMatch(
      /^Waiting .* Thinking .* Answering .*$/,
    );
  });

  test('who may read records sees the recorded cost, and which targets took part', async () => {
    const { page, choose, ask, answered, assistant } = await open({ key: server.adminKey });
    await choose('rescued');
    await page.getByRole('textbox', { name: 'seed' }).fill('1');
    await ask('Begin');
    await answered();
    await assistant.getByText('Half of the answer and the rest.').waitFor();
    const list = await details(assistant);
    await list.getByText('recorded').waitFor();
    const more = await figures(list);
    expect(more['Answered by']).toBe('own/broken, then own/whole');
    await list.getByRole('link', { name: 'completed: the whole story' }).waitFor();
    expect(more['Attempts, taken over']).toMatch(
      /own\/broken .*failed, upstream_cut.* own\/whole replay, served/,
    );
  });

  test('the wire shows the bytes as they came, and the heads without the key', async () => {
    const { page, choose, ask, answered, button } = await open();
    await choose('lab/plain');
    await button('Wire').click();
    await ask('Hello');
    await answered();
    const wire = page.getByRole('complementary', { name: 'Wire' });
    await button('Bytes').click();
    const reads = wire.getByRole('region', { name: 'Reads' }).getByRole('button');
    await reads.first().click();
    const read = wire.getByRole('figure');
    await read.getByText(/^id: 1↵\ndata: \{"id":"chatcmpl-/).waitFor();
    await button('Hex').click();
    await read.getByText(/^00000000 {2}69 64 3a 20 31 0a 64 61 {2}74 61 3a 20 7b/).waitFor();
    await button('Headers').click();
    const text = await wire.innerText();
    expect(text).toContain('POST /v1/chat/completions');
    expect(text).toMatch(/tailrace-resumable\s+true/);
    expect(text).toMatch(/content-type\s+text\/event-stream; charset=utf-8/);
    expect(text).toMatch(/x-request-id\s+req_/);
    expect(text).not.toContain(server.apiKey);
    await button('JSON').click();
    await wire.getByRole('figure', { name: 'Request body' }).getByText('"model": "lab/plain"').waitFor();
    await wire.getByRole('figure', { name: 'Response body' }).getByText('[DONE]').waitFor();
  });

  test('a refusal is on the wire too, with its status and its body', async () => {
    const { page, choose, ask, alert, button } = await open();
    await choose('lab/plain');
    await page.getByRole('textbox', { name: 'temperature' }).fill('9');
    await button('Wire').click();
    await ask('Hello');
    await alert.waitFor();
    const wire = page.getByRole('complementary', { name: 'Wire' });
    await button('Headers').click();
    await wire.getByText(/^400 at/).waitFor();
    await button('JSON').click();
    await wire.getByText('"code": "invalid_value"').waitFor();
  });

  test.skipIf(process.platform === 'win32')(
    'what was sent is copied as a curl command that sends it again',
    async () => {
      const { page, choose, ask, answered, button } = await open({
        permissions: ['clipboard-read', 'clipboard-write'],
      });
      await choose('lab/plain');
      await button('Wire').click();
      await ask(`It's "this"`);
      await answered();
      await button('Headers').click();
      await button('Copy as curl').click();
      const command = await page.evaluate<string>('navigator.clipboard.readText()');
      const env = { ...process.env, TAILRACE_API_KEY: server.apiKey };
      const { stdout } = await promisify(execFile)('sh', ['-c', command], { env });
      expect(stdout).toContain('id: 1\ndata: ');
      expect(stdout.trimEnd().endsWith('data: [DONE]')).toBe(true);
    },
  );

  test('code in an answer gets its colours when its block is whole, and keeps its text and its place', async () => {
    const { page, choose, ask, answered, assistant } = await open();
    await choose('code');
    await ask('Show');
    await answered();
    const block = assistant.locator('pre').first();
    await block.locator('.code-keyword').first().waitFor();
    expect(await block.locator('.code-keyword').allInnerTexts()).toEqual(
      expect.arrayContaining(['export', 'function', 'return']),
    );
    expect((await block.locator('.code-comment').allInnerTexts()).join('')).toBe('// twice');
    expect(await block.innerText()).toBe(
      'export function double(value: number): number {\n  return value * 2; // twice\n}',
    );
    await assistant.locator('pre').nth(1).locator('.code-number').getByText('7245').waitFor();
    expect(await page.locator('.markdown [style]').count()).toBe(0);
  });

  test('keys lead through the page, stay text in a field, and are listed under ?', async () => {
    const { page, message, button } = await open();
    await message.fill('');
    await page.keyboard.type('n?');
    expect(await message.inputValue()).toBe('n?');
    await page.keyboard.press('Alt+Shift+KeyW');
    await page.getByRole('complementary', { name: 'Wire' }).waitFor();
    await button('Details').count();
    await page.locator('h1').first().click();
    await page.keyboard.press('p');
    await page.getByRole('complementary', { name: 'Parameters' }).waitFor();
    await page.keyboard.press('?');
    const list = page.getByRole('dialog', { name: 'Keyboard shortcuts' });
    await list.getByText('Go to the console').waitFor();
    await page.keyboard.press('c');
    expect(await page.getByRole('dialog', { name: 'Code' }).count()).toBe(0);
    await list.getByRole('switch', { name: 'Letters alone' }).uncheck();
    await page.keyboard.press('Escape');
    await list.waitFor({ state: 'hidden' });
    await page.keyboard.press('p');
    await page.getByRole('complementary', { name: 'Parameters' }).waitFor();
    await page.keyboard.press('Alt+Shift+KeyM');
    await vi.waitFor(async () =>
      expect(await message.evaluate((field) => field.matches(':focus'))).toBe(true),
    );
    await page.keyboard.press('Alt+Shift+KeyG');
    await page.keyboard.press('Alt+Shift+KeyC');
    await page.waitForURL(/#\/console/);
  });

  test.each(looks)('axe finds nothing in what is opened, %s at %i pixels', async (colorScheme, width) => {
    const { page, choose, ask, answered, assistant, button } = await open({
      colorScheme,
      viewport: { width, height: 844 },
    });
    const check = (view: string): Promise<void> => looksRight(page, view);
    await choose('code');
    await ask('Show');
    await answered();
    await assistant.locator('.code-keyword').first().waitFor();
    await details(assistant);
    await check('the details of an answer');
    await choose('priced');
    await button('About this model').click();
    await check('about the model');
    await page.keyboard.press('Escape');
    await button('Wire').click();
    for (const view of ['Bytes', 'Headers', 'JSON']) {
      await button(view).click();
      if (view === 'Bytes')
        await page.getByRole('region', { name: 'Reads' }).getByRole('button').first().click();
      await check(view);
    }
    await button('Close Wire').click();
    await button('Code').click();
    await page.getByRole('dialog', { name: 'Code' }).locator('.code-string').first().waitFor();
    await check('Code');
    await page.keyboard.press('Escape');
    await button('Keyboard shortcuts').click();
    await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
    await check('the shortcuts');
  });
});
