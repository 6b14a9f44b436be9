import { describe, expect, it } from 'vitest';
import { createCodeColours, plainCode } from '../code/code-colours.ts';
import type { DocPage } from './doc-page.ts';
import { readPage } from './read-page.ts';

const pages = ['keys.md', 'errors/a.md', '../packages/client/README.md'];
const read = (text: string, file = 'keys.md'): Promise<DocPage> =>
  readPage({ file, text: `# Title\n\n${text}`, pages, colours: plainCode });

describe('a page', () => {
  it('has its title, its first paragraph and its headings without marks', async () => {
    const { title, description, headings } = await readPage({
      file: 'keys.md',
      text: '# The `a` & *b*\n\nWhat [a](keys.md) is,\nand `b`.\n\n## In `short`\n\n### One\n\n#### Deep\n',
      pages,
      colours: plainCode,
    });
    expect([title, description]).toEqual(['The a & b', 'What a is, and b.']);
    expect(headings).toEqual([
      { level: 2, anchor: 'in-short', text: 'In short' },
      { level: 3, anchor: 'one', text: 'One' },
    ]);
  });

  it('without a title is refused by name', async () => {
    await expect(readPage({ file: 'a.md', text: 'x', pages: [], colours: plainCode })).rejects.toThrow(
      'a.md',
    );
  });

  it('numbers an anchor that comes again', async () => {
    const { html } = await read('## One\n\n## One\n');
    expect(html).toContain('id="one"');
    expect(html).toContain('id="one-1"');
  });

  it.each([
    ['[a](keys.md#limits)', '<a href="#limits">a</a>'],
    ['[a](errors/a.md)', '<a href="/docs/errors/a">a</a>'],
    ['[a](../packages/client/README.md#x)', '<a href="/docs/client#x">a</a>'],
    ['[a](https://example.org/?a&b)', '<a href="https://example.org/?a&amp;b" rel="noreferrer">a</a>'],
    ['[a](decisions/0001.md)', '<p>a</p>'],
    ['[a](javascript:alert(1))', '<p>a</p>'],
    ['![a "b"](images/x.png)', '<img src="/docs/images/x.png" alt="a &quot;b&quot;" loading="lazy">'],
    ['![a](https://example.org/x.png)', '<p>a</p>'],
  ])('has its links where the site has their targets: %s', async (markdown, html) => {
    expect((await read(markdown)).html).toContain(html);
  });

  it('has no tags of its own: marks of generated parts go, others are text', async () => {
    const { html } = await read('<!-- mark -->\n\na <script>alert(1)</script> <b>\n\n<img src=x>\n');
    expect(html).not.toMatch(/<(script|img|b)\b|mark/);
    expect(html).toContain('&lt;script&gt;');
  });

  it('is Markdown whose links hold where it is served', async () => {
    const { markdown } = await read(
      '[a](../keys.md#x) and [b](../decisions/1.md)\n\n```md\n[a](../keys.md)\n```\n',
      'errors/a.md',
    );
    expect(markdown).toContain('[a](../keys.md#x) and b');
    expect(markdown).toContain('```md\n[a](../keys.md)\n```');
  });
});

describe('the passages of a page', () => {
  it('have the headings above them, and links that name their page', async () => {
    const { passages, passagesHtml } = await read(
      'Intro.\n\n## One\n\nA [b](#two).\n\n### Two\n\nB\n\n## Three\n\nC\n',
    );
    expect(passages.map(({ anchor, headings, text }) => [anchor, headings, text])).toEqual([
      ['', [], 'Intro.'],
      ['one', ['One'], 'A [b](/docs/keys#two).'],
      ['two', ['One', 'Two'], 'B'],
      ['three', ['Three'], 'C'],
    ]);
    expect(passagesHtml[1]).toContain('<a href="/docs/keys#two">b</a>');
  });

  it('are short: a long table is cut between rows, each part with the head', async () => {
    const row = `| name | ${'word '.repeat(30)}|`;
    const { passages } = await read(`## T\n\n| a | b |\n| --- | --- |\n${`${row}\n`.repeat(12)}`);
    expect(passages.length).toBeGreaterThan(2);
    for (const { text } of passages) {
      expect(text.startsWith('| a | b |\n| --- | --- |\n| name')).toBe(true);
      expect(text.split(/\s+/).length).toBeLessThan(190);
    }
  });

  it('do not part code from the paragraph that introduces it', async () => {
    const code = `\`\`\`sh\n${'word '.repeat(160)}\n\`\`\``;
    const { passages } = await read(`## T\n\n${'Before. '.repeat(20)}\n\nDo this:\n\n${code}\n`);
    expect(passages.map(({ text }) => text.slice(0, 8))).toEqual(['Before. ', 'Do this:']);
    expect(passages[1]?.text).toContain('```sh\nword');
  });
});

describe('a table', () => {
  it('of several columns with long texts says of each cell which column it is in, and has its roles in words', async () => {
    const { html } = await read(
      `| a | b “c” & d | e |\n| --- | --- | --- |\n| x | ${'word '.repeat(20)}| |\n`,
    );
    expect(html).toContain('<table class="texts" role="table">');
    expect(html).toContain('<td role="cell">x</td><td role="cell" data-column="b “c” &amp; d">word');
  });

  it('of three columns that together are long is one of texts too: the facts of an error', async () => {
    const row = '| 400 | `invalid_request_error` | does not help: `x-should-retry: false` |';
    const { html } = await read(`| status | type | trying again |\n| --- | --- | --- |\n${row}\n`);
    expect(html).toContain('<td role="cell" data-column="trying again">');
  });

  it('of figures stays a plain table', async () => {
    const { html } = await read('| a | b | c |\n| --- | --- | --- |\n| 1 | 2 | 3 |\n');
    expect(html).toContain('<table><thead><tr><th>a</th>');
  });
});

describe('a block of code', () => {
  const fence = (info: string, code: string): string => `\`\`\`${info}\n${code}\n\`\`\`\n`;

  it('alone has its language above it, and its text escaped', async () => {
    const { html } = await read(fence('js norun="why"', "if (a < b) say('<b>')"));
    expect(html).toContain('<figcaption><span>js</span>');
    expect(html).toContain('if (a &lt; b) say(&#39;&lt;b&gt;&#39;)');
    expect(html).not.toContain('norun');
  });

  it('has tabs with those beside it that have tabs; the same tab again begins another group', async () => {
    const { html } = await read(
      [
        fence('sh tab="curl"', 'one'),
        fence('python tab=Python', 'two'),
        fence('sh tab="curl"', 'three'),
      ].join('\n'),
    );
    expect(html.match(/<fieldset/g)).toHaveLength(2);
    expect(html).toMatch(
      /value="curl" checked><label for="tabs-1-0">curl<\/label><input[^>]* value="Python">/,
    );
  });

  it('marks what is filled in, also where a colour ends inside of it', async () => {
    const { html } = await readPage({
      file: 'a.md',
      text: `# A\n\n${fence('sh', `curl http://127.0.0.1:7245/v1 -H "Bearer $TAILRACE_API_KEY" -d '{"model": "default"}'`)}${fence('py', "model='default', other='default', key='$TAILRACE_API_KEY2'")}`,
      pages: [],
      colours: await createCodeColours(),
    });
    const filled = Array.from(html.matchAll(/data-fill="(\w+)">([^<]*)</g), ([, kind, text]) => [kind, text]);
    expect(filled).toEqual([
      ['base', 'http://127.0.0.1:7245'],
      ['key', '$TAILRACE_API_KEY'],
      ['model', 'default'],
      ['model', 'default'],
    ]);
    expect(html.replaceAll(/<[^>]*>/g, '')).toContain('Bearer $TAILRACE_API_KEY&quot;');
    expect(html).toContain('class="code-string"');
  });
});
