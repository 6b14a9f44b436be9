import { expect, test } from 'vitest';
import { openOutput } from './answer-output.ts';

test('the pieces of several calls are joined by their index', () => {
  const output = openOutput();
  output.take({ tool_calls: [{ index: 0, id: 'a', function: { name: 'add', arguments: '' } }] });
  output.take({ tool_calls: [{ index: 0, function: { arguments: '{"a":' } }] });
  output.take({ tool_calls: [{ index: 0, function: { arguments: '1}' } }] });
  output.take({ tool_calls: [{ index: 1, id: 'b', function: { name: '__proto__', arguments: '{}' } }] });
  expect(output.current().calls).toEqual([
    { id: 'a', name: 'add', arguments: '{"a":1}' },
    { id: 'b', name: '__proto__', arguments: '{}' },
  ]);
});

test('the calls of a whole answer have their place in the list', () => {
  const output = openOutput();
  const calls = ['a', 'b'].map((id) => ({ id, function: { name: 'f', arguments: `{"${id}":1}` } }));
  expect(output.take({ content: null, tool_calls: calls })).toBe('answer');
  expect(output.current()).toMatchObject({ text: '', calls: [{ id: 'a' }, { id: 'b' }] });
});

test('text and calls are an answer, thoughts are not', () => {
  const output = openOutput();
  expect(output.take({ role: 'assistant', content: '' })).toBeUndefined();
  expect(output.take({ reasoning_content: 'Hmm.' })).toBe('thoughts');
  expect(output.take({ content: 'Yes' })).toBe('answer');
  expect(output.take({ refusal: '.' })).toBe('answer');
  expect(output.current()).toEqual({ text: 'Yes.', thoughts: 'Hmm.' });
});

test('what is no call and no text is passed over', () => {
  const output = openOutput();
  expect(output.take({ content: 7, tool_calls: [null, 'x'] })).toBeUndefined();
  expect(output.isEmpty()).toBe(true);
});
