import { expect, test } from 'vitest';
import type { AnswerFacts } from './answer.ts';
import { continuationOf } from './continuation.ts';
import type { Message } from './message-tree.ts';

function answer(facts: Partial<AnswerFacts>, text = 'Rivers'): Message {
  const known: AnswerFacts = { state: 'done', pieces: 1, model: 'lab/a', target: 'lab/a', ...facts };
  return { id: 'a', parentId: null, role: 'assistant', text, thoughts: '', facts: known };
}

test.each<[string, Partial<AnswerFacts>]>([
  ['ran out of tokens', { finish: 'length' }],
  ['was stopped', { state: 'stopped' }],
  ['was cut', { state: 'failed' }],
])('an answer that %s can go on', (_, facts) => {
  expect(continuationOf(answer(facts), ['continued_answer'])).toEqual({ isPossible: true });
});

test('a whole answer, a question and a message written by hand have no rest', () => {
  expect(continuationOf(answer({ finish: 'stop' }), ['continued_answer'])).toBeUndefined();
  expect(
    continuationOf({ ...answer({ finish: 'length' }), role: 'user' }, ['continued_answer']),
  ).toBeUndefined();
  expect(continuationOf({ ...answer({}), facts: undefined }, ['continued_answer'])).toBeUndefined();
});

test('a model that takes no beginning of an answer says so; of one that says nothing it is tried', () => {
  expect(continuationOf(answer({ finish: 'length' }), ['tools'])).toMatchObject({ isPossible: false });
  expect(continuationOf(answer({ finish: 'length' }), undefined)).toEqual({ isPossible: true });
});

test('calls are not continued', () => {
  const calling = { ...answer({ state: 'failed' }), calls: [{ id: 'c', name: 'add', arguments: '{' }] };
  expect(continuationOf(calling, ['continued_answer'])).toMatchObject({ isPossible: false });
});

test('thoughts alone are no text to continue', () => {
  expect(continuationOf(answer({ finish: 'length' }, ''), ['continued_answer'])).toMatchObject({
    isPossible: false,
  });
});
