import { describe, expect, test } from 'vitest';
import { branchOf, type Message, type MessageTree, noMessages, withMessage } from './message-tree.ts';
import { mockResults, mockTurns, openCalls, withoutAnswer, withResults } from './tool-results.ts';

const call = (id: string, name = 'add', json = '{}') => ({ id, name, arguments: json });

/** One branch with these messages, the ids of which are their numbers. */
function treeOf(...messages: Partial<Message>[]): MessageTree {
  let tree = noMessages;
  for (const [at, message] of messages.entries())
    tree = withMessage(tree, {
      id: String(at),
      parentId: tree.leafId,
      role: 'assistant',
      text: '',
      thoughts: '',
      ...message,
    });
  return tree;
}

const asked: Partial<Message> = { role: 'user', text: 'Add' };
const twoCalls: Partial<Message> = { calls: [call('a'), call('b')], facts: { state: 'done', pieces: 2 } };
const tool = { name: 'add', description: '', parameters: '', mock: '3' };

describe('the calls of an answer', () => {
  test('are open until each has its result', () => {
    const tree = treeOf(asked, twoCalls);
    expect(openCalls(tree)?.calls.map(({ id }) => id)).toEqual(['a', 'b']);
    const one = withResults(tree, new Map([['a', '1']]), () => 'r1');
    expect(openCalls(one)?.calls.map(({ id }) => id)).toEqual(['b']);
    const both = withResults(one, new Map([['b', '2']]), () => 'r2');
    expect(openCalls(both)).toBeUndefined();
    expect(branchOf(both).slice(2)).toMatchObject([
      { role: 'tool', callId: 'a', text: '1' },
      { role: 'tool', callId: 'b', text: '2' },
    ]);
    expect(
      openCalls(withMessage(both, { ...(both.all[0] as Message), id: 'x', parentId: 'r2' })),
    ).toBeUndefined();
  });

  test('that broke off wait for nothing', () => {
    const torn: Partial<Message> = {
      calls: [call('a', 'add', '{"a"')],
      facts: { state: 'failed', pieces: 1 },
    };
    expect(openCalls(treeOf(asked, torn))).toBeUndefined();
  });

  test('leave with their results', () => {
    const tree = withResults(
      treeOf(asked, twoCalls),
      new Map([
        ['a', '1'],
        ['b', '2'],
      ]),
      () => `r${Math.random()}`,
    );
    expect(branchOf(withoutAnswer(tree, '1')).map(({ role }) => role)).toEqual(['user']);
  });
});

describe('mock results', () => {
  const settings = { all: [tool], answersFromMock: true };

  test('are given where the switch is on and each function has one', () => {
    const tree = treeOf(asked, twoCalls);
    expect(mockResults(settings, tree)).toEqual(
      new Map([
        ['a', '3'],
        ['b', '3'],
      ]),
    );
    expect(mockResults({ ...settings, answersFromMock: false }, tree)).toBeUndefined();
    expect(mockResults({ ...settings, all: [{ ...tool, mock: '' }] }, tree)).toBeUndefined();
    expect(mockResults(settings, treeOf(asked, { text: 'No call' }))).toBeUndefined();
  });

  test('end after eight turns without a person', () => {
    const turns = [...Array(8)].flatMap((_, at) => [
      { calls: [call(`c${at}`)] },
      { role: 'tool' as const, callId: `c${at}`, text: '3' },
    ]);
    const tree = treeOf(asked, ...turns, { calls: [call('last')] });
    expect(mockTurns(tree)).toBe(9);
    expect(mockResults(settings, tree)).toBeUndefined();
    expect(mockResults(settings, treeOf(...turns, asked, { calls: [call('last')] }))?.size).toBe(1);
  });
});
