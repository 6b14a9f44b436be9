import { expect, expectTypeOf, test } from 'vitest';
import { responseFormat } from '../structured/response-format.ts';
import { LengthFinishReasonError } from '../structured/structured-output-error.ts';
import { scriptedClient } from '../testing/scripted-client.ts';
import { chunkOf, writtenStream } from '../testing/written-stream.ts';
import type { ChatStreamEvents } from './contract.ts';

/* What openai-node's helpers.md says of the streams of `chat.completions.stream()`. */

const asked = { model: 'm', messages: [] };
const city = responseFormat<{ name: string }>('city', {
  type: 'object',
  properties: { name: { type: 'string' } },
});
const call = (index: number, name: string, args: string) => ({
  ...{ index, id: `call_${index}`, type: 'function' },
  function: { name, arguments: args },
});

/** Listens to these events, and notes what they say as it is then. */
function noting(
  stream: { on(event: never, listener: never): unknown },
  ...events: readonly (keyof ChatStreamEvents)[]
) {
  const seen: [string, ...unknown[]][] = [];
  for (const event of events)
    stream.on(
      event as never,
      ((...values: unknown[]) => seen.push([event, ...structuredClone(values)])) as never,
    );
  return seen;
}

test('done, totalUsage, allChatCompletions and finalFunctionToolCall', async () => {
  const { client } = scriptedClient({ tool_calls: [call(0, 'f', '{"a":1}')] }, {});
  const stream = client.chat.completions.stream(asked);
  expect(stream.allChatCompletions()).toEqual([]);
  expect(await stream.done()).toBeUndefined();
  expect(await stream.totalUsage()).toMatchObject({
    prompt_tokens: 3,
    completion_tokens: 2,
    total_tokens: 5,
  });
  expect(stream.allChatCompletions()).toEqual([await stream.finalChatCompletion()]);
  expect(await stream.finalFunctionToolCall()).toEqual({ name: 'f', arguments: '{"a":1}' });
  await expect(
    scriptedClient().client.chat.completions.stream(asked, { signal: AbortSignal.abort() }).done(),
  ).rejects.toThrow('aborted');
});

test('once listens for one event', async () => {
  const { client } = scriptedClient({ content: 'Hello you' });
  const texts: string[] = [];
  const stream = client.chat.completions.stream(asked).once('content', (delta) => texts.push(delta));
  await stream.done();
  expect(texts).toEqual(['Hel']);
});

test('each piece of text has its snapshot and its parsed JSON, and the answer its message with parsed', async () => {
  const { client } = scriptedClient({ content: '{"name":"Paris"}' });
  const stream = client.chat.completions.stream({ ...asked, response_format: city });
  const seen = noting(
    stream,
    'connect',
    'content.delta',
    'content.done',
    'message',
    'chatCompletion',
    'totalUsage',
    'end',
  );
  await stream.done();
  expect(seen[0]).toEqual(['connect']);
  const deltas = seen.filter(([event]) => event === 'content.delta').map(([, event]) => event);
  expect(deltas[0]).toEqual({ delta: '{"n', snapshot: '{"n', parsed: {} });
  expect(deltas[3]).toEqual({ delta: 'Par', snapshot: '{"name":"Par', parsed: { name: 'Par' } });
  expect(seen.slice(-5).map(([event]) => event)).toEqual([
    'content.done',
    'chatCompletion',
    'message',
    'totalUsage',
    'end',
  ]);
  expect(seen.find(([event]) => event === 'content.done')?.[1]).toEqual({
    content: '{"name":"Paris"}',
    parsed: { name: 'Paris' },
  });
  const message = await stream.finalMessage();
  expectTypeOf(message.parsed).toEqualTypeOf<{ name: string } | null>();
  expect(message.parsed?.name).toBe('Paris');
});

test('pieces that come in one read are heard too, by a listener that is there from the beginning', async () => {
  const { client } = scriptedClient({ content: 'Hello' });
  const stream = client.chat.completions.stream(asked);
  const seen = noting(stream, 'content.delta');
  let chunks = 0;
  for await (const _ of stream) chunks += 1;
  expect(chunks).toBeGreaterThan(3);
  expect(seen.map(([, event]) => event)).toEqual([
    { delta: 'Hel', snapshot: 'Hel', parsed: null },
    { delta: 'lo', snapshot: 'Hello', parsed: null },
  ]);
});

test('the arguments of calls come in pieces, those of strict tools parsed', async () => {
  const { client } = scriptedClient({
    tool_calls: [call(0, 'f', '{"a":1}'), call(1, 'g', '{"b":2}')],
  });
  const tools = [
    { type: 'function' as const, function: { name: 'f', strict: true } },
    { type: 'function' as const, function: { name: 'g' } },
  ];
  const stream = client.chat.completions.stream({ ...asked, tools });
  const seen = noting(
    stream,
    'tool_calls.function.arguments.delta',
    'tool_calls.function.arguments.done',
    'functionToolCall',
  );
  const completion = await stream.finalChatCompletion();
  const f = { name: 'f', index: 0, arguments: '{"a":1}' };
  const g = { name: 'g', index: 1, arguments: '{"b":2}' };
  expect(seen.slice(0, 4)).toEqual([
    // The digit could become another number until the bracket; both came at once.
    [
      'tool_calls.function.arguments.delta',
      { ...f, parsed_arguments: { a: 1 }, arguments_delta: f.arguments },
    ],
    ['tool_calls.function.arguments.delta', { ...g, parsed_arguments: null, arguments_delta: g.arguments }],
    ['tool_calls.function.arguments.done', { ...f, parsed_arguments: { a: 1 } }],
    ['tool_calls.function.arguments.done', { ...g, parsed_arguments: null }],
  ]);
  expect(seen.at(-1)?.[0]).toBe('functionToolCall');
  expect(completion.choices[0]?.message.tool_calls?.[0]?.function).toMatchObject({
    parsed_arguments: { a: 1 },
  });
});

test('logprobs have events of their own', async () => {
  const { stream, send, end } = writtenStream();
  const token = (text: string) => ({ token: text, logprob: -1, bytes: null, top_logprobs: [] });
  const seen = noting(stream, 'logprobs.content.delta', 'logprobs.content.done');
  for (const text of ['a', 'b']) {
    const logprobs = { content: [token(text)] };
    send(
      chunkOf({}, null, { choices: [{ index: 0, delta: { content: text }, finish_reason: null, logprobs }] }),
    );
  }
  send(chunkOf({}, 'stop'));
  send('[DONE]');
  end();
  await stream.done();
  expect(seen.slice(1)).toEqual([
    ['logprobs.content.delta', { content: [token('b')], snapshot: [token('a'), token('b')] }],
    ['logprobs.content.done', { content: [token('a'), token('b')] }],
  ]);
});

test('a refusal has events of its own', async () => {
  const { client } = scriptedClient({ refusal: 'No.' });
  const stream = client.chat.completions.stream(asked);
  const seen = noting(stream, 'refusal.delta', 'refusal.done', 'content.done');
  await stream.done();
  expect(seen).toEqual([
    ['refusal.delta', { delta: 'No.', snapshot: 'No.' }],
    ['refusal.done', { refusal: 'No.' }],
  ]);
});

test('an answer that is not the JSON that was asked for rejects, and ends its loop in an error', async () => {
  const { client } = scriptedClient(
    { content: '{"name"', finish: 'length' },
    { content: '{"name"', finish: 'length' },
  );
  const ask = () => client.chat.completions.stream({ ...asked, response_format: city });
  await expect(ask().finalMessage()).rejects.toThrow(LengthFinishReasonError);
  const loop = async (): Promise<void> => {
    for await (const _ of ask());
  };
  await expect(loop()).rejects.toThrow(LengthFinishReasonError);
});

test('create() leaves the JSON alone: its caller may read it with partial()', async () => {
  const { client } = scriptedClient({ content: 'no JSON' });
  const stream = await client.chat.completions.create({ ...asked, response_format: city, stream: true });
  expect(await stream.finalText()).toBe('no JSON');
});
