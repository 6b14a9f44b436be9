import { describe, expect, test } from 'vitest';
import {
  alternativesTo,
  branchOf,
  changed,
  following,
  type Message,
  type MessageTree,
  noMessages,
  showing,
  withMessage,
  without,
  withoutBranch,
} from './message-tree.ts';

function message(id: string, parentId: string | null, role: Message['role'] = 'user'): Message {
  return { id, parentId, role, text: id, thoughts: '' };
}

const ids = (tree: MessageTree): string[] => branchOf(tree).map(({ id }) => id);

/** question ─┬─ first; └─ second ── more */
const tree = [
  message('question', null),
  message('first', 'question', 'assistant'),
  message('second', 'question', 'assistant'),
  message('more', 'second'),
].reduce(withMessage, noMessages);

describe('the messages of a chat', () => {
  test('show the branch of the newest one', () => {
    expect(ids(tree)).toEqual(['question', 'second', 'more']);
  });

  test('know what stands in the same place, and show it with all that follows', () => {
    expect(alternativesTo(tree, 'second').map(({ id }) => id)).toEqual(['first', 'second']);
    expect(ids(showing(tree, 'first'))).toEqual(['question', 'first']);
    expect(ids(showing(showing(tree, 'first'), 'second'))).toEqual(['question', 'second', 'more']);
  });

  test('close the gap where one is taken out', () => {
    expect(ids(without(tree, 'second'))).toEqual(['question', 'more']);
    expect(ids(without(tree, 'more'))).toEqual(['question', 'second']);
    expect(ids(without(tree, 'question'))).toEqual(['second', 'more']);
    expect(without([message('only', null)].reduce(withMessage, noMessages), 'only')).toEqual(noMessages);
  });

  test('show another branch where the last message of one is taken out', () => {
    const two = withMessage(withMessage(noMessages, message('one', null)), message('other', null));
    expect(ids(without(two, 'other'))).toEqual(['one']);
  });

  test('show another version where the last one shown is taken out', () => {
    expect(ids(without(without(tree, 'more'), 'second'))).toEqual(['question', 'first']);
  });

  test('are taken out with all that follows them', () => {
    expect(following(tree, 'question').map(({ id }) => id)).toEqual(['first', 'second', 'more']);
    expect(ids(withoutBranch(tree, 'second'))).toEqual(['question', 'first']);
    expect(withoutBranch(tree, 'second').all.map(({ id }) => id)).toEqual(['question', 'first']);
    expect(ids(withoutBranch(showing(tree, 'first'), 'second'))).toEqual(['question', 'first']);
    expect(withoutBranch(tree, 'question')).toEqual(noMessages);
  });

  test('are changed one by one', () => {
    expect(branchOf(changed(tree, 'second', { text: 'new' }))[1]?.text).toBe('new');
  });

  test('that follow each other in a circle are shown once', () => {
    const circle: MessageTree = { all: [message('a', 'b'), message('b', 'a')], leafId: 'a' };
    expect(ids(circle)).toEqual(['b', 'a']);
    expect(ids(showing(circle, 'a'))).toHaveLength(2);
    expect(following(circle, 'a').map(({ id }) => id)).toEqual(['b']);
  });
});
