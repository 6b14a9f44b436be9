import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadScript, parseScript } from './load-script.ts';

function problems(text: string): readonly string[] {
  const parsed = parseScript(text, 'answers.yaml');
  return parsed.ok ? [] : parsed.problems;
}

test('every problem has file, line and path', () => {
  expect(
    problems(`
answers:
  - when: {turn: one}
    steps:
      - text: hi
        chnk: 3 words
      - wait: soon
      - repeat:
          times: 2
          steps:
            - finish: eos
  - when: {last_message_matches: "("}
    steps: hi
`).map((problem) => problem.split(': ').slice(0, 2).join(': ')),
  ).toEqual([
    'answers.yaml:3: answers[0].when.turn',
    'answers.yaml:5: answers[0].steps[0]',
    'answers.yaml:7: answers[0].steps[1].wait',
    'answers.yaml:11: answers[0].steps[2].repeat.steps[0].finish',
    'answers.yaml:12: answers[1].when.last_message_matches',
    'answers.yaml:13: answers[1].steps',
  ]);
});

test('the problem for an unknown key names the nearest known key', () => {
  expect(problems('evry: 2s\nanswers: [{steps: []}]')).toEqual([
    'answers.yaml:1: unknown key "evry" (did you mean "every"?)',
  ]);
  expect(problems('answers:\n- steps: [{text: a, chnk: 1 word}]')).toEqual([
    'answers.yaml:2: answers[0].steps[0]: unknown key "chnk" (did you mean "chunk"?)',
  ]);
});

test('the problem for an unknown step names the known steps', () => {
  expect(problems('answers: [{steps: [{txt: hi}]}]')).toEqual([
    expect.stringMatching(
      /^answers\.yaml:1: answers\[0\]\.steps\[0\]: expected a step with one of text, .*"txt"/,
    ),
  ]);
  expect(problems('answers: [{steps: [hung]}]')).toEqual([
    expect.stringMatching(/got "hung" \(did you mean "hang"\?\)$/),
  ]);
  expect(problems('answers: [{steps: [{text: a, hang: true}]}]')).toEqual([
    expect.stringContaining('text and hang in one step'),
  ]);
});

test.each([
  [
    'a step after the end',
    'answers: [{steps: [hang, {text: a}]}]',
    'can never be played: hang comes before it',
  ],
  [
    'a pause in one batch',
    'answers: [{steps: [{together: [{repeat: {times: 2, steps: [{wait: 1s}]}}]}]}]',
    'wait cannot be',
  ],
  ['a wait longer than a timer can be', 'answers: [{steps: [{wait: 600h}]}]', 'expected a duration'],
  ['a number for a duration', 'answers: [{steps: [{wait: 5}]}]', 'expected a duration'],
  ['an unknown error code', 'answers: [{steps: [{fail: {code: oops}}]}]', 'answers[0].steps[0].fail.code'],
  ['an unknown feature', 'capabilities: [telepathy]\nanswers: [{steps: []}]', 'answers.yaml:1: capabilities'],
  ['no answers', 'answers: []', 'expected at least one answer'],
  ['an empty file', '', 'answers.yaml:1'],
  ['broken YAML', 'answers: [\n{', 'answers.yaml:2'],
  [
    'aliases that multiply',
    `a: &a [x,x,x,x,x,x,x,x]\nb: &b [${'*a,'.repeat(50)}]\nc: [${'*b,'.repeat(50)}]`,
    'alias',
  ],
])('%s is refused', (_name, text, expected) => {
  expect(problems(text).join('\n')).toContain(expected);
});

test('JSON is read as well', () => {
  const parsed = parseScript('{"answers": [{"steps": [{"text": "hi"}, "hang"]}]}', 'answers.json');
  expect(parsed.ok && parsed.script.answers[0]?.steps.map((step) => step.do)).toEqual(['text', 'hang']);
});

test('a file is read from disk, and a missing file is a problem', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tailrace-script-'));
  try {
    const file = join(folder, 'answers.yaml');
    await writeFile(file, 'answers: [{steps: [echo]}]');
    expect((await loadScript(file)).ok).toBe(true);
    expect(await loadScript(join(folder, 'none.yaml'))).toEqual({
      ok: false,
      problems: [`${join(folder, 'none.yaml')}: the script cannot be read: there is no such file`],
    });
  } finally {
    await rm(folder, { recursive: true });
  }
});
