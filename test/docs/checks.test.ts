import { expect, test } from 'vitest';
import { isPrinted, problemOfFence, problemsOfText, wayOf } from './checks.ts';
import { type Page, placeOf, readBlocks, wholeCode } from './code-blocks.ts';

/** A page of these lines, of which `'''` is a fence. */
function page(...lines: readonly string[]): Page {
  return readBlocks('docs/a-page.md', lines.join('\n').replaceAll("'''", '```'));
}

function fenceOf(info: string): string | undefined {
  const written = page(`'''${info}`, 'code', "'''");
  const [block] = written.blocks;
  return block && problemOfFence(block, written);
}

test.each([
  ['haskell', 'no check for `haskell`: name one (test=…'],
  ['haskell norun=""', 'norun="…" has to give its reason'],
  ['sh nurun="needs an account"', 'unknown nurun'],
  ['sh test=later', 'test=later is no way to check a block'],
  ['sh by=test/docs/none.test.ts', 'there is no such file'],
  ['sh by=test/clients/clients.test.ts', 'that test does not name a-page.md'],
  ['text output=above', 'needs a block above it that is run'],
])('the fence `%s` is refused', (info, problem) => {
  expect(fenceOf(info)).toContain(problem);
});

test.each(['sh', 'text', '', 'haskell norun="needs a compiler"', 'yaml test=parses'])(
  'the fence `%s` is accepted',
  (info) => {
    expect(fenceOf(info)).toBeUndefined();
  },
);

test('a block has its page, its line, its keys, and its code without the indent of its list', () => {
  const [block] = page('# A page', '', "- '''SH", '  a', '', '    b', "  '''").blocks;
  expect(block).toMatchObject({ line: 3, language: 'sh', code: 'a\n\n  b\n' });
  expect(block && placeOf(block)).toBe('docs/a-page.md:3');
  const [other] = page("'''js tab=\"Two words\" exit=22", 'a', "'''").blocks;
  expect([...(other?.keys ?? [])]).toEqual([
    ['tab', 'Two words'],
    ['exit', '22'],
  ]);
});

test('a block that continues another one has the code of both, and not that of another tab or language', () => {
  const written = page(
    ...["'''js tab=A", 'a', "'''", "'''js tab=B", 'b', "'''", "'''python tab=A", 'c', "'''"],
    ...["'''js tab=A after=above", 'd', "'''"],
  );
  const last = written.blocks.at(-1);
  expect(last && wholeCode(last, written)).toBe('a\n\nd\n');
});

test('what a page shows is what was printed, with anything in the place of …', () => {
  const prints = (output: string, shown: string, printed: string): boolean => {
    const [block] = page(`'''text output=${output}`, shown, "'''").blocks;
    return block !== undefined && isPrinted(block, printed);
  };
  expect(prints('above', 'id: …\ntext (1+1)', 'id: x\r\ny\r\ntext (1+1)\r\n')).toBe(true);
  expect(prints('above', 'id: …\ntext', 'id: x\ntexts')).toBe(false);
  expect(prints('above', 'id', 'an id')).toBe(false);
  expect(prints('above', '3 left', '4 left')).toBe(false);
  expect(prints('shape', '3 left of 1.5s', '47 left of 2s')).toBe(true);
  expect(prints('shape', '3 left', 'some left')).toBe(false);
});

test('configurations, scripts and JSON that do not load are found, with the line inside of the block', async () => {
  const written = page(
    ...["'''yaml", 'server: {listne: "127.0.0.1:0"}', "'''", "'''yaml test=script", 'answers: 1', "'''"],
    ...[
      "'''json",
      '{"a": }',
      "'''",
      "'''yaml file=answers.yaml test=script",
      'answers: [{steps: [{text: Hi}]}]',
      "'''",
    ],
    ...[
      "'''yaml",
      'upstreams: {lab: {kind: openai, base_url: "http://h/v1", api_key: "$KEY"}}'.replace('KEY', '{KEY}'),
      "'''",
    ],
  );
  const problems = await Promise.all(written.blocks.map((block) => problemsOfText(block, written)));
  expect(problems).toEqual([
    [expect.stringMatching(/^tailrace\.yaml:1: .*listne/)],
    [expect.stringContaining('answers')],
    [expect.stringContaining('does not parse')],
    [],
    [],
  ]);
  expect(written.blocks.map(wayOf)).toEqual(['config', 'script', 'parses', 'script', 'config']);
});
