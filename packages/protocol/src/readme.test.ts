import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import * as protocol from './index.ts';

const page = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const examples = [...page.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code = '']) => code);

/** Runs an example against this package; what it logs comes back. */
function run(code: string): unknown[] {
  const logged: unknown[] = [];
  const body = code.replaceAll(/import (\{[^}]*\}) from '@tailrace\/protocol';/g, 'const $1 = protocol;');
  new Function('protocol', 'console', body)(protocol, { log: (value: unknown) => logged.push(value) });
  return logged;
}

test('the examples of the README run and log what the text says', () => {
  expect(examples.length).toBe(2);
  expect(run(examples[0] ?? '')).toEqual(['{"choices":[]}', 'the body was cut in the middle of an event']);
  const judged = run(examples[1] ?? '');
  expect(judged.slice(0, -1)).toEqual([
    expect.stringMatching(/^event 1: chunk-fields: /),
    expect.stringMatching(/^event 1: choices-empty: /),
    expect.stringMatching(/^event 2: finish-missing: /),
  ]);
  expect(judged.at(-1)).toBe(false);
});
