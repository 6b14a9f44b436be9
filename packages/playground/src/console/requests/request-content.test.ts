import { expect, it } from 'vitest';
import { readContent } from './request-content.ts';

it('lists the messages, then what each choice has said and how it ended', () => {
  expect(
    readContent({
      id: 'chatcmpl-1',
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: [{ type: 'text', text: 'Hi' }] },
      ],
      messages_left_out: 2,
      choices: [
        {
          index: 0,
          finish_reason: 'stop',
          message: { role: 'assistant', content: 'Hello', reasoning_content: 'hm' },
        },
        {
          index: 1,
          finish_reason: null,
          shortened: true,
          message: { role: 'assistant', content: null, tool_calls: [{ id: 'call_1' }] },
        },
      ],
    }),
  ).toEqual([
    { role: 'left out', text: '2 older messages' },
    { role: 'system', text: 'Be brief.' },
    { role: 'user', text: '[\n  {\n    "type": "text",\n    "text": "Hi"\n  }\n]' },
    { role: 'assistant, finished with stop', text: 'hm\n\nHello' },
    { role: 'assistant, broke off, shortened', text: '{\n  "id": "call_1"\n}' },
  ]);
});

it('makes something of any body', () => {
  expect(readContent(null)).toEqual([]);
  expect(readContent({ messages: [null], choices: [7] })).toEqual([
    { role: 'unknown', text: '' },
    { role: 'unknown', text: '' },
  ]);
});
