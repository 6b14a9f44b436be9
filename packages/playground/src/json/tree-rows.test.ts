import { expect, test } from 'vitest';
import { type JsonNode, readJson } from './partial-json.ts';
import { maxRows, type TreeView, treeRows } from './tree-rows.ts';

const view: TreeView = { toggled: new Set(), perNode: 100, isLive: false };

function rowsOf(json: string, change: Partial<TreeView> = {}): readonly string[] {
  const rows = treeRows(readJson(json).value() as JsonNode, { ...view, ...change });
  return rows.map(({ path, name = '', node, isFolded, left }) =>
    left === undefined
      ? `${path} ${name} ${node?.kind}${isFolded === true ? ' folded' : ''}`
      : `${path} +${left}`,
  );
}

test('a value that grows has a row for each of its nodes', () => {
  expect(rowsOf('{"a":[1,"x"],"b')).toEqual([
    '0  object',
    '0.0 a array',
    '0.0.0 0 number',
    '0.0.1 1 string',
    '0.1 b undefined',
  ]);
  expect(rowsOf('{"a":[1,"x"]}', { toggled: new Set(['0.0']) })).toEqual(['0  object', '0.0 a array folded']);
});

test('of many items the first are shown, and while they come the last', () => {
  const items = JSON.stringify([...Array(10).keys()]);
  expect(rowsOf(items, { perNode: 2 })).toEqual(['0  array', '0.0 0 number', '0.1 1 number', '0.… +8']);
  expect(rowsOf(items, { perNode: 2, isLive: true })).toEqual([
    '0  array',
    '0.… +8',
    '0.8 8 number',
    '0.9 9 number',
  ]);
});

test('depth and breadth are bounded', () => {
  expect(rowsOf('['.repeat(10_000))).toHaveLength(9);
  const wide = JSON.stringify(Array(100).fill(Array(100).fill(0)));
  expect(rowsOf(wide)).toHaveLength(maxRows);
});
