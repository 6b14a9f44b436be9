import { createSseDecoder, type SseItem } from '@tailrace/protocol';
import { describe, expect, test } from 'vitest';
import { chunkOf, type WrittenStream, writtenStream } from '../testing/written-stream.ts';

const error = {
  error: {
    message: 'too slow',
    type: 'timeout_error',
    param: null,
    code: 'stall_timeout',
    request_id: 'req_2',
  },
};
const calls = (...tool_calls: object[]) => chunkOf({ tool_calls });

function hello(written: WrittenStream): void {
  written.send(chunkOf({ role: 'assistant', content: '' }));
  written.send(chunkOf({ reasoning_content: 'Hm' }));
  written.send(chunkOf({ content: 'Grü' }));
  written.send(chunkOf({ content: 'ße' }));
}
function finish(written: WrittenStream): void {
  written.send(chunkOf({}, 'stop', { usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 } }));
  written.send('[DONE]');
  written.end();
}
function eventsOf(text: string): { data: string; lastEventId: string }[] {
  const items: SseItem[] = [];
  const decoder = createSseDecoder({}, (item) => items.push(item));
  decoder.push(new TextEncoder().encode(text));
  decoder.end();
  return items.map((item) => (item.type === 'event' ? item : { data: item.type, lastEventId: '' }));
}
async function chunksOf(response: Response): Promise<unknown[]> {
  const events = eventsOf(await response.text());
  return events.map(({ data }) => (data === '[DONE]' ? data : JSON.parse(data)));
}
/** Ways in which a stream is not whole. */
const breaks: readonly [string, (written: WrittenStream) => void][] = [
  ['an error event', (written) => written.send(error)],
  ['a polite end without a finish', (written) => written.end()],
  ['[DONE] without a finish', (written) => written.send('[DONE]')],
  ['a broken connection', (written) => written.end('broken')],
];

describe('toSSEResponse', () => {
  test('sends the chunks in ASCII, with their numbers and the head of the stream', async () => {
    const written = writtenStream({ numbered: true });
    hello(written);
    finish(written);
    await written.stream.response;
    const response = written.stream.toSSEResponse({
      status: 201,
      headers: { 'x-own': '1', 'cache-control': 'no-store' },
    });
    expect(response.status).toBe(201);
    expect(Object.fromEntries(response.headers)).toEqual({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
      'x-own': '1',
      'x-request-id': 'req_1',
      'tailrace-completion-id': 'chatcmpl-1',
      'tailrace-stream-url': 'https://ai.example/v1/streams/1',
    });
    const text = await response.text();
    expect(text).toMatch(/^[\n -~]*$/);
    const events = eventsOf(text);
    expect(events.map(({ lastEventId }) => lastEventId)).toEqual(['1', '2', '3', '4', '5', '5']);
    expect(events.at(-1)?.data).toBe('[DONE]');
    expect(JSON.parse(events[3]?.data ?? '')).toEqual(chunkOf({ content: 'ße' }));
  });

  test('has no numbers where the stream has none', async () => {
    const written = writtenStream();
    hello(written);
    finish(written);
    expect(await written.stream.toSSEResponse().text()).not.toContain('id:');
  });

  test.each(breaks)('%s becomes an error event, and nothing follows it', async (name, end) => {
    const written = writtenStream();
    hello(written);
    end(written);
    const chunks = await chunksOf(written.stream.toSSEResponse());
    expect(chunks).toHaveLength(5);
    expect(chunks.at(-1)).toEqual(
      name === 'an error event'
        ? error
        : {
            error: {
              message: expect.any(String),
              type: 'server_error',
              param: null,
              code: 'stream_truncated',
              request_id: 'req_1',
            },
          },
    );
  });

  test('a stream that the app aborts ends in an error event too', async () => {
    const written = writtenStream();
    hello(written);
    const reader = written.stream.toSSEResponse().body?.getReader();
    await reader?.read();
    written.stream.abort();
    let text = '';
    for (let read = await reader?.read(); read?.done === false; read = await reader?.read())
      text += new TextDecoder().decode(read.value);
    expect(eventsOf(text).at(-1)?.data).toContain('"error"');
    expect(text).not.toContain('[DONE]');
  });
});

describe('toTextResponse', () => {
  test('is the text', async () => {
    const written = writtenStream();
    hello(written);
    finish(written);
    const response = written.stream.toTextResponse();
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(await response.text()).toBe('Grüße');
  });

  test.each(breaks)('%s breaks the body off', async (_, end) => {
    const written = writtenStream();
    hello(written);
    end(written);
    await expect(written.stream.toTextResponse().text()).rejects.toThrow();
  });

  test('a stream that the app aborts breaks the body off', async () => {
    const written = writtenStream();
    hello(written);
    const reader = written.stream.toTextResponse().body?.getReader();
    expect((await reader?.read())?.done).toBe(false);
    written.stream.abort();
    const drain = async (): Promise<void> => {
      while ((await reader?.read())?.done === false);
    };
    await expect(drain()).rejects.toThrow();
  });
});

describe.each(['toSSEResponse', 'toTextResponse', 'toUIMessageStreamResponse'] as const)('%s', (method) => {
  test('reads no further than the reader of its body, and is aborted by its leaving', async () => {
    const written = writtenStream();
    const response = written.stream[method]();
    await new Promise((resolve) => setTimeout(resolve));
    expect(written.wanted).toBe(0);
    for (let count = 0; count < 100; count += 1) written.send(chunkOf({ content: 'word ' }));
    const reader = response.body?.getReader();
    const first = method === 'toUIMessageStreamResponse' ? 4 : 1;
    for (let count = 0; count < first; count += 1) await reader?.read();
    expect(written.wanted).toBe(1);
    await reader?.cancel();
    await written.left;
    await expect(written.stream.finalCompletion()).rejects.toThrow('aborted');
  });
});

describe('toUIMessageStreamResponse', () => {
  test('sends reasoning, text and tool calls as parts', async () => {
    const written = writtenStream();
    hello(written);
    written.send(calls({ index: 0, id: 'a', type: 'function', function: { name: 'f', arguments: '' } }));
    written.send(calls({ index: 0, function: { arguments: '{"a":' } }));
    written.send(calls({ index: 0, function: { arguments: '1}' } }));
    written.send(calls({ index: 1, id: 'b', function: { name: 'g', arguments: '{}' } }));
    written.send(chunkOf({}, 'tool_calls'));
    written.send('[DONE]');
    const response = written.stream.toUIMessageStreamResponse();
    expect(response.headers.get('x-vercel-ai-ui-message-stream')).toBe('v1');
    expect(await chunksOf(response)).toEqual([
      { type: 'start' },
      { type: 'start-step' },
      { type: 'reasoning-start', id: '1' },
      { type: 'reasoning-delta', id: '1', delta: 'Hm' },
      { type: 'reasoning-end', id: '1' },
      { type: 'text-start', id: '2' },
      { type: 'text-delta', id: '2', delta: 'Grü' },
      { type: 'text-delta', id: '2', delta: 'ße' },
      { type: 'text-end', id: '2' },
      { type: 'tool-input-start', toolCallId: 'a', toolName: 'f' },
      { type: 'tool-input-delta', toolCallId: 'a', inputTextDelta: '{"a":' },
      { type: 'tool-input-delta', toolCallId: 'a', inputTextDelta: '1}' },
      { type: 'tool-input-start', toolCallId: 'b', toolName: 'g' },
      { type: 'tool-input-delta', toolCallId: 'b', inputTextDelta: '{}' },
      { type: 'tool-input-available', toolCallId: 'a', toolName: 'f', input: { a: 1 } },
      { type: 'tool-input-available', toolCallId: 'b', toolName: 'g', input: {} },
      { type: 'finish-step' },
      { type: 'finish' },
      '[DONE]',
    ]);
  });

  test('says what the caller wants said of the finish', async () => {
    const written = writtenStream();
    hello(written);
    finish(written);
    const response = written.stream.toUIMessageStreamResponse({
      messageId: 'm1',
      sendFinishReason: true,
      messageMetadata: ({ usage }) => usage,
    });
    const chunks = await chunksOf(response);
    expect(chunks[0]).toEqual({ type: 'start', messageId: 'm1' });
    expect(chunks.at(-2)).toEqual({
      type: 'finish',
      finishReason: 'stop',
      messageMetadata: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 },
    });
  });

  test('arguments that are no JSON are the error of their call', async () => {
    const written = writtenStream();
    written.send(calls({ index: 0, id: 'a', function: { name: 'f', arguments: '{"a":' } }));
    written.send(chunkOf({}, 'length'));
    written.send('[DONE]');
    expect(await chunksOf(written.stream.toUIMessageStreamResponse())).toContainEqual(
      expect.objectContaining({ type: 'tool-input-error', toolCallId: 'a', input: '{"a":' }),
    );
  });

  test.each(breaks)('%s becomes an error chunk, and nothing follows it', async (_, end) => {
    const written = writtenStream();
    hello(written);
    end(written);
    const onError = (): string => 'sorry';
    const chunks = await chunksOf(written.stream.toUIMessageStreamResponse({ onError }));
    expect(chunks.slice(-2)).toEqual([
      { type: 'text-end', id: '2' },
      { type: 'error', errorText: 'sorry' },
    ]);
  });

  test('a stream that the app aborts ends in an abort chunk', async () => {
    const written = writtenStream();
    hello(written);
    const reader = written.stream.toUIMessageStreamResponse().body?.getReader();
    for (let count = 0; count < 5; count += 1) await reader?.read();
    written.stream.abort();
    let text = '';
    for (let read = await reader?.read(); read?.done === false; read = await reader?.read())
      text += new TextDecoder().decode(read.value);
    expect(JSON.parse(eventsOf(text).at(-1)?.data ?? '')).toEqual({ type: 'abort' });
  });
});
