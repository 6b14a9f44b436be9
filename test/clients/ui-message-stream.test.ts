// The responses for the AI SDK's `useChat`, read by the AI SDK's own transport and reader.

import { describe, expect, test } from 'vitest';
import {
  chunkOf,
  type WrittenStream,
  writtenStream,
} from '../../packages/client/src/testing/written-stream.ts';
import { readUIMessages } from './drivers/ui-messages.mjs';

function say(written: WrittenStream): void {
  written.send(chunkOf({ role: 'assistant', content: '' }));
  written.send(chunkOf({ reasoning_content: 'Let me ' }));
  written.send(chunkOf({ reasoning_content: 'see.' }));
  written.send(chunkOf({ content: 'Grüße ' }));
  written.send(chunkOf({ content: '😀' }));
}

describe('the AI SDK reads a stream of ours', () => {
  test.each([false, true])('with reasoning, text and calls (finish reason: %s)', async (sendFinishReason) => {
    const written = writtenStream();
    say(written);
    const call = {
      index: 0,
      id: 'call_a',
      type: 'function',
      function: { name: 'get_weather', arguments: '' },
    };
    written.send(chunkOf({ tool_calls: [call] }));
    written.send(chunkOf({ tool_calls: [{ index: 0, function: { arguments: '{"city":"Pa' } }] }));
    written.send(chunkOf({ tool_calls: [{ index: 0, function: { arguments: 'ris"}' } }] }));
    written.send(chunkOf({}, 'tool_calls'));
    written.send('[DONE]');
    written.end();
    const response = written.stream.toUIMessageStreamResponse({
      messageId: 'm1',
      sendFinishReason,
      messageMetadata: () => ({ own: 1 }),
    });
    const { message, errors } = await readUIMessages(response);
    expect(errors).toEqual([]);
    expect(message).toMatchObject({ id: 'm1', role: 'assistant', metadata: { own: 1 } });
    expect(message?.parts).toMatchObject([
      { type: 'step-start' },
      { type: 'reasoning', text: 'Let me see.', state: 'done' },
      { type: 'text', text: 'Grüße 😀', state: 'done' },
      { type: 'tool-get_weather', toolCallId: 'call_a', state: 'input-available', input: { city: 'Paris' } },
    ]);
  });

  test('whose arguments are no JSON', async () => {
    const written = writtenStream();
    const call = { index: 0, id: 'call_a', function: { name: 'f', arguments: '{"a":"b' } };
    written.send(chunkOf({ tool_calls: [call] }));
    written.send(chunkOf({}, 'length'));
    written.send('[DONE]');
    written.end();
    const { message } = await readUIMessages(written.stream.toUIMessageStreamResponse());
    expect(message?.parts).toMatchObject([{ type: 'step-start' }, { type: 'tool-f', state: 'output-error' }]);
  });

  test('that breaks: what came stands, and the error is heard', async () => {
    const written = writtenStream();
    say(written);
    written.end('broken');
    const { message, errors } = await readUIMessages(written.stream.toUIMessageStreamResponse());
    expect(message?.parts.at(-1)).toMatchObject({ type: 'text', text: 'Grüße 😀' });
    expect(errors.join()).toContain('connection was lost');
  });
});
