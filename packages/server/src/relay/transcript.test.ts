import { jsonText } from '@tailrace/protocol';
import { expect, it } from 'vitest';
import { createTranscript } from './transcript.ts';

const json = jsonText;

it('puts together what each choice has said', () => {
  const transcript = createTranscript();
  transcript.add({ type: 'start' });
  transcript.add({ type: 'reasoning-delta', choice: 1, json: json('hm') });
  transcript.add({ type: 'text-delta', choice: 1, json: json('a "b') });
  transcript.add({ type: 'text-delta', choice: 0, json: json('other') });
  transcript.add({ type: 'text-delta', choice: 1, json: json('" \n c') });
  transcript.add({ type: 'tool-call-start', choice: 1, index: 0, id: 'call_1', name: 'look' });
  transcript.add({ type: 'tool-call-delta', choice: 1, index: 0, json: json('{"at":') });
  transcript.add({ type: 'tool-call-delta', choice: 1, index: 0, json: json('1}') });
  transcript.add({ type: 'finish', choice: 1, reason: 'tool_calls' });
  expect(transcript.choices()).toEqual([
    { index: 0, finish_reason: null, message: { role: 'assistant', content: 'other' } },
    {
      index: 1,
      finish_reason: 'tool_calls',
      message: {
        role: 'assistant',
        content: 'a "b" \n c',
        reasoning_content: 'hm',
        tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'look', arguments: '{"at":1}' } }],
      },
    },
  ]);
});

it('keeps a bounded beginning of a long answer, and says that it is shortened', () => {
  const transcript = createTranscript();
  for (let at = 0; at < 1_000; at += 1)
    transcript.add({ type: 'text-delta', choice: 0, json: json('x'.repeat(1_000)) });
  for (let at = 0; at < 1_000; at += 1)
    transcript.add({
      type: 'tool-call-start',
      choice: 0,
      index: at,
      id: `call_${at}`,
      name: 'n'.repeat(1_000),
    });
  const [choice] = transcript.choices();
  expect(choice).toMatchObject({ shortened: true });
  expect(JSON.stringify(choice).length).toBeLessThan(300_000);
});

it('has no gap: what follows a piece without room is left out too', () => {
  const transcript = createTranscript();
  transcript.add({ type: 'text-delta', choice: 0, json: json('begin') });
  transcript.add({ type: 'text-delta', choice: 0, json: json('x'.repeat(300_000)) });
  transcript.add({ type: 'text-delta', choice: 0, json: json('end') });
  expect(transcript.choices()).toMatchObject([{ shortened: true, message: { content: 'begin' } }]);
});

it('has nothing of an answer without output', () => {
  expect(createTranscript().choices()).toEqual([]);
});
