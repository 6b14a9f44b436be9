import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startBrowser, withoutBrowser } from '../support/browser.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { openPage } from './page.ts';

/*
 * Answers that want to be more than text. Each of these texts comes in each of these places, one character at a time: 200 of them. No
 * script runs, no request leaves for another host, no element appears that Markdown does not have, and the page stays usable.
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
          models: { echo: { targets: [{ upstream: 'lab', model: 'echo' }] } },
        },
        files: { 'answers.yaml': { every: '0ms', chunk: '1 character', answers: [{ steps: ['echo'] }] } },
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
        const elements = await answer
          .locator('.markdown *')
          .evaluateAll((all) => [...new Set(all.map(({ localName }) => localName))]);
        expect(elements.filter((name) => !ofMarkdown.has(name))).toEqual([]);
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
});

const ofMarkdown = new Set(
  'p h3 h4 h5 h6 ul ol li blockquote hr br pre code figure figcaption span button a strong em del table thead tbody tr th td section'.split(
    ' ',
  ),
);
