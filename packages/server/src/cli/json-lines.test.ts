import { expect, it } from 'vitest';
import type { JsonObject } from '../domain/json.ts';
import { jsonLines, parseJsonLines } from './json-lines.ts';

async function* each<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}
async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

it('rows become lines, and lines the same rows, wherever the text is cut', async () => {
  const rows: JsonObject[] = [
    { table: 'owners', id: 'a\nb\u2028' },
    { table: 'records', tags: { x: 'Zoë' } },
  ];
  const text = (await all(jsonLines(each(rows)))).join('');
  expect(text.split('\n')).toHaveLength(3);
  for (let cut = 0; cut <= text.length; cut++) {
    expect(await all(parseJsonLines(each([text.slice(0, cut), text.slice(cut)])))).toEqual(rows);
  }
});

it('many rows leave in pieces of bounded size', async () => {
  const row = { text: 'x'.repeat(1_000) };
  const pieces = await all(jsonLines(each(Array<JsonObject>(1_000).fill(row))));
  expect(pieces.length).toBeGreaterThan(10);
  expect(Math.max(...pieces.map((piece) => piece.length))).toBeLessThan(70_000);
});

it.each([
  ['{"a":1}\nnot json\n', 'line 2 is not JSON'],
  ['{"a":1}\n\n[]\n', 'line 3 is not a JSON object'],
  ['{"a":1', 'line 1 is not JSON'],
])('%j is refused with its line', async (text, message) => {
  await expect(all(parseJsonLines(each([text])))).rejects.toThrow(message);
});

it('a line without an end is refused before it fills the memory', async () => {
  const endless = each(Array<string>(20).fill('x'.repeat(1024 ** 2)));
  await expect(all(parseJsonLines(endless))).rejects.toThrow('line 1 is too long');
});
