import type { Browser, Locator } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { startBrowser, withoutBrowser } from '../support/browser.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { openPage, type PlaygroundPage } from './page.ts';

/*
 * Answers that want to be more than text. Each of these texts comes in each of these places, one character at a time: 200 of them. No
 * script runs, no request leaves for another host, no element appears that Markdown does not have, and the page stays usable. The same
 * holds for thoughts, for calls of functions and for JSON.
 */

const texts = [
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  '<svg onload=alert(1)><a xlink:href="javascript:alert(1)"><text>x</text></a></svg>',
  '<iframe src="http://203.0.113.9/"></iframe>',
  '<style>@import "http://203.0.113.9/a.css"; * { display: none }</style>',
  '<link rel=stylesheet href=http://203.0.113.9/b.css><meta http-equiv=refresh content="0;url=http://203.0.113.9/">',
  '<form action=http://203.0.113.9/><input name=key autofocus onfocus=alert(1)></form>',
  '<base href="http://203.0.113.9/">',
  '<math><mtext></table><img src=x onerror=alert(1)></mtext></math>',
  '[link](javascript:alert(1)) [other](JaVaScRiPt&colon;alert(1)) [data](data:text/html,<script>alert(1)</script>)',
  '[spaced]( java\tscript:alert(1) "title\\" onmouseover=alert(1)")',
  '![image](http://203.0.113.9/pixel.png) ![ref][r]\n\n[r]: http://203.0.113.9/other.png',
  '<http://203.0.113.9/auto> http://203.0.113.9/bare <javascript:alert(1)>',
  '[![nested](http://203.0.113.9/i.png)](vbscript:alert(1))',
  '\u202eevil\u2066 text\u2069 \u200f\u0000\ufeff\u2028\u2029',
  `${'>'.repeat(300)} deep ${'- '.repeat(150)}deep`,
  `${'*_'.repeat(200)}~~\`\`${'['.repeat(300)}${'('.repeat(300)}`,
  'x'.repeat(4_000),
  '| a | b |\n|-|-|\n| <script>alert(1)</script> | ![i](http://203.0.113.9/c.png) |\n',
  '&lt;script&gt;alert(1)&lt;/script&gt; &#60;img src=x onerror=alert(1)&#62; &#x110000;',
];

const places: readonly ((text: string) => string)[] = [
  (text) => text,
  (text) => `A sentence, then ${text} in it.`,
  (text) => `- ${text}\n- more`,
  (text) => `> ${text}`,
  (text) => `# ${text}`,
  (text) => `**${text}`,
  (text) => `\`\`\`html\n${text}`,
  (text) => `\`${text}\``,
  (text) => `1. a\n\n   ${text}`,
  (text) => `[${text}](https://example.org "${text}")`,
];

/** Each text as a name and a value of JSON, beside names that JavaScript knows. */
const hostileJson = JSON.stringify({
  ...Object.fromEntries(texts.map((text) => [text, text])),
  constructor: { prototype: { toString: '<b>' } },
  list: texts,
}).replace(/^\{/, '{"__proto__":{"alert":"alert(1)"},');

const callsAndThoughts = [
  { reasoning: texts.join('\n\n') },
  ...texts.map((text) => ({ tool_call: { name: text, arguments: hostileJson, pieces: 40 } })),
];

const reason = withoutBrowser === undefined ? '' : ` (skipped: ${withoutBrowser})`;

describe.skipIf(withoutBrowser !== undefined)(`hostile answers in Chromium${reason}`, () => {
  let server: TestServer;
  let browser: Browser;
  beforeAll(async () => {
    [server, browser] = await Promise.all([
      startServer({
        model: 'none',
        config: {
          upstreams: { lab: { kind: 'scripted', script: './answers.yaml' } },
          models: {
            echo: { targets: [{ upstream: 'lab', model: 'echo' }] },
            calls: { targets: [{ upstream: 'lab', model: 'calls' }] },
          },
        },
        files: {
          'answers.yaml': {
            every: '0ms',
            chunk: '1 character',
            answers: [{ when: { model: 'calls' }, steps: callsAndThoughts }, { steps: ['echo'] }],
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

  test('stay text, wherever they stand', async () => {
    const page = await openPage(browser, server);
    try {
      for (const place of places) {
        await page.ask(texts.map(place).join('\n\n'));
        await page.answered();
        const answer = page.assistant.last();
        // The finish: the whole text has come.
        await answer.getByText('stop', { exact: true }).waitFor();
        expect((await answer.textContent())?.match(/alert\(1\)/g)?.length).toBeGreaterThan(8);
        expect(await elementsIn(answer.locator('.markdown'), ofMarkdown)).toEqual([]);
        const addresses = await answer
          .locator('a')
          .evaluateAll((all) => all.map((link) => link.getAttribute('href') ?? ''));
        expect(addresses.filter((address) => !/^(https?|mailto):/.test(address))).toEqual([]);
        await page.button('New chat').click();
      }
      await page.ask('Is the page still there?');
      await page.assistant.getByText('Is the page still there?').waitFor();
      expect(page.offences).toEqual([]);
    } finally {
      await page.close();
    }
  });

  test('stay text as thoughts, and as names and arguments of calls', async () => {
    const page = await openPage(browser, server);
    try {
      await page.choose('calls');
      await page.ask('Call.');
      await page.answered();
      await page.assistant.getByText('tool_calls', { exact: true }).waitFor();
      await vi.waitFor(async () =>
        expect(await page.assistant.getByRole('figure').count()).toBe(texts.length),
      );
      await page.assistant.getByText(/^Thought for/).click();
      expect(await elementsIn(page.assistant.locator('.thoughts .markdown'), ofMarkdown)).toEqual([]);
      expect(await elementsIn(page.assistant.locator('.calls'), ofCalls)).toEqual([]);
      expect(await page.assistant.locator('.calls').innerText()).toContain('"__proto__"');
      expect(page.offences).toEqual([]);
    } finally {
      await page.close();
    }
  });

  test('stay text as a JSON answer that grows character by character', async () => {
    const page = await openPage(browser, server);
    try {
      await page.choose('echo');
      await page.page.getByRole('combobox', { name: 'response_format' }).selectOption('json_object');
      await page.ask(hostileJson);
      await page.answered();
      await page.assistant.getByText('JSON', { exact: true }).waitFor();
      const tree = page.page.getByRole('list', { name: 'The answer as a tree' });
      expect(await tree.getByRole('listitem').count()).toBeGreaterThan(2 * texts.length);
      expect(await tree.innerText()).toContain('__proto__');
      expect(await elementsIn(tree, new Set(['li', 'span', 'button']))).toEqual([]);
      expect(page.offences).toEqual([]);
    } finally {
      await page.close();
    }
  });

  test('may be giant, and nested ten thousand deep, and the page stays usable', async () => {
    const page = await openPage(browser, server);
    const deep = `${'{"a":'.repeat(10_000)}[]${'}'.repeat(10_000)}`;
    const giant = JSON.stringify({ text: 'x'.repeat(2_000_000), ['y'.repeat(100_000)]: 1 });
    const wide = JSON.stringify([...Array(100_000).keys()]);
    const call = (index: number, name: string, json: string): object => ({
      index,
      id: 'the same',
      type: 'function',
      function: { name, arguments: json },
    });
    try {
      await page.page.getByRole('button', { name: 'Tools' }).click();
      await page.button('Weather').click();
      const calls = [
        call(0, 'get_weather', deep),
        call(1, 'x'.repeat(50_000), ''),
        ...inPieces(giant).map((json) => ({ index: 1, function: { arguments: json } })),
        call(1e9, '__proto__', '['),
      ];
      const deltas = [
        { reasoning_content: '['.repeat(100_000) },
        { content: deep },
        ...calls.map((one) => ({ tool_calls: [one] })),
      ];
      await answerWith(page, deltas);
      await page.ask('Call.');
      await page.answered();
      await vi.waitFor(async () => expect(await page.assistant.getByRole('figure').count()).toBe(3));
      await page.assistant.getByText('a: is not allowed here').waitFor();
      await page.assistant.getByText(/^Thought for/).click();
      await page.button('New chat').click();
      if ((await page.button('Parameters').getAttribute('aria-pressed')) !== 'true')
        await page.button('Parameters').click();
      await page.page.getByRole('combobox', { name: 'response_format' }).selectOption('json_schema');
      for (const json of [deep, giant, wide, giant.slice(0, -2)]) {
        await answerWith(
          page,
          inPieces(json).map((content) => ({ content })),
        );
        await page.ask('JSON');
        await page.answered();
        await page.assistant.last().getByRole('list', { name: 'The answer as a tree' }).waitFor();
        await page.assistant.last().getByRole('button', { name: 'Text' }).click();
      }
      await page.page.unroute('**/v1/chat/completions');
      await page.button('New chat').click();
      await page.page.getByRole('combobox', { name: 'response_format' }).selectOption('text');
      await page.choose('echo');
      await page.ask('Is the page still there?');
      await page.assistant.getByText('Is the page still there?').waitFor();
      expect(page.offences).toEqual([]);
    } finally {
      await page.close();
    }
  });
});

/** An event has at most a mebibyte; a text may be longer. */
function inPieces(text: string): readonly string[] {
  return text.match(/.{1,500000}/g) ?? [];
}

/** What no server of ours would let through: the browser gets these deltas as the answer to what it asks next. */
async function answerWith({ page }: PlaygroundPage, deltas: readonly object[]): Promise<void> {
  const chunk = (delta: object, finish: string | null): string =>
    `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
  const events = [...deltas.map((delta) => chunk(delta, null)), chunk({}, 'stop'), 'data: [DONE]\n\n'];
  await page.unroute('**/v1/chat/completions');
  await page.route('**/v1/chat/completions', (route) =>
    route.fulfill({ headers: { 'content-type': 'text/event-stream' }, body: events.join('') }),
  );
}

/** The names of the elements inside that are not among these. */
async function elementsIn(place: Locator, allowed: ReadonlySet<string>): Promise<readonly string[]> {
  const names = await place.locator('*').evaluateAll((all) => all.map(({ localName }) => localName));
  return [...new Set(names)].filter((name) => !allowed.has(name));
}

const ofCalls = new Set('figure figcaption span button pre code ul li div textarea p'.split(' '));

const ofMarkdown = new Set(
  'p h3 h4 h5 h6 ul ol li blockquote hr br pre code figure figcaption span button a strong em del table thead tbody tr th td section'.split(
    ' ',
  ),
);
