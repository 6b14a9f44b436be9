import { expect, test } from 'vitest';
import { isUiMessage, messagesOfUi } from './ui-messages.ts';

const user = (...parts: unknown[]) => ({ id: 'm1', role: 'user', parts });
const assistant = (...parts: unknown[]) => ({ id: 'm2', role: 'assistant', parts });
const text = (words: string) => ({ type: 'text', text: words });
const result = (id: string, output: unknown) => ({
  type: 'tool-weather',
  toolCallId: id,
  state: 'output-available',
  input: { city: 'Oslo' },
  output,
});
const call = (id: string) => ({
  id,
  type: 'function',
  function: { name: 'weather', arguments: '{"city":"Oslo"}' },
});

test('a message of OpenAI’s form is none of the AI SDK', () => {
  expect(isUiMessage({ role: 'user', content: 'Hi' })).toBe(false);
  expect(isUiMessage({ role: 'user', parts: 'Hi' })).toBe(false);
  expect(isUiMessage(user(text('Hi')))).toBe(true);
});

test('texts are one string, and what is no part is left out', () => {
  expect(messagesOfUi(user(text('Hi '), null, 'x', { type: 1 }, text('there')))).toEqual([
    { role: 'user', content: 'Hi there' },
  ]);
  expect(messagesOfUi(user())).toEqual([{ role: 'user', content: '' }]);
  expect(messagesOfUi({ role: 'system', parts: [text('Be short.')] })).toEqual([
    { role: 'system', content: 'Be short.' },
  ]);
});

test('images and other files come with the text', () => {
  const image = { type: 'file', mediaType: 'image/png', url: 'data:image/png;base64,AA' };
  const pdf = {
    type: 'file',
    mediaType: 'application/pdf',
    filename: 'a.pdf',
    url: 'data:application/pdf;base64,BB',
  };
  expect(messagesOfUi(user(text('See'), image, pdf))).toEqual([
    {
      role: 'user',
      content: [
        { type: 'text', text: 'See' },
        { type: 'image_url', image_url: { url: image.url } },
        { type: 'file', file: { filename: 'a.pdf', file_data: pdf.url } },
      ],
    },
  ]);
});

test('an answer goes back without its thoughts and sources', () => {
  const parts = [
    { type: 'step-start' },
    { type: 'reasoning', text: 'Hm.' },
    { type: 'source-url', url: 'https://a.example' },
    text('Yes.'),
  ];
  expect(messagesOfUi(assistant(...parts))).toEqual([{ role: 'assistant', content: 'Yes.' }]);
});

test('calls come with their results, and what was said after them is a message of its own', () => {
  const parts = [
    text('Let me look.'),
    result('c1', { sky: 'grey' }),
    result('c2', 'rain'),
    text('It rains.'),
  ];
  expect(messagesOfUi(assistant(...parts))).toEqual([
    { role: 'assistant', content: 'Let me look.', tool_calls: [call('c1'), call('c2')] },
    { role: 'tool', tool_call_id: 'c1', content: '{"sky":"grey"}' },
    { role: 'tool', tool_call_id: 'c2', content: 'rain' },
    { role: 'assistant', content: 'It rains.' },
  ]);
});

test('each step is a message, a failed call has its error as a result, and a call without a result is left out', () => {
  const failed = {
    type: 'dynamic-tool',
    toolName: 'weather',
    toolCallId: 'c2',
    state: 'output-error',
    input: { city: 'Oslo' },
    errorText: 'no wind',
  };
  const broken = { type: 'tool-weather', toolCallId: 'c3', state: 'input-available', input: {} };
  expect(messagesOfUi(assistant(result('c1', 1), { type: 'step-start' }, failed, broken))).toEqual([
    { role: 'assistant', content: null, tool_calls: [call('c1')] },
    { role: 'tool', tool_call_id: 'c1', content: '1' },
    { role: 'assistant', content: null, tool_calls: [call('c2')] },
    { role: 'tool', tool_call_id: 'c2', content: 'no wind' },
  ]);
});
