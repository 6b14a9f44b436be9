import { checkStream, jsonText } from '@tailrace/protocol';
import { describe, expect, it } from 'vitest';
import type { FailedEvent, StreamEvent } from '../../domain/stream-event.ts';
import { createChunkEncoder, type UsageForm } from './chunk-encoder.ts';
import { createCompletionCollector } from './completion-collector.ts';

type Whole = Exclude<StreamEvent, FailedEvent>;

const run = { id: 'chatcmpl-1', requestId: 'req_1', createdAtMs: 1_700_000_000_999 };
const served = { model: 'acme/"chat" é', fingerprint: 'fp_1' };
const identity = { id: run.id, created: 1_700_000_000, ...served };
const usage: Whole = {
  type: 'usage',
  usage: { promptTokens: 7, completionTokens: 3, cachedTokens: 2, reasoningTokens: 1 },
};
const text = (words: string, choice = 0): Whole => ({ type: 'text-delta', choice, json: jsonText(words) });
const finish = (choice = 0): Whole => ({ type: 'finish', choice, reason: 'stop' });

function encode(events: readonly Whole[], choices = 1, form: UsageForm = 'inline'): string {
  const encoder = createChunkEncoder(run, choices, form);
  const payloads: string[] = [];
  const to = { event: (payload: string) => payloads.push(payload) };
  encoder.begin(served, to);
  for (const event of events) encoder.encode(event, to);
  return [...payloads, encoder.end].map((payload) => `data: ${payload}\n\n`).join('');
}

function chunksOf(stream: string): Record<string, unknown>[] {
  return stream
    .split('\n\n')
    .filter((frame) => frame.startsWith('data: {'))
    .map((frame) => JSON.parse(frame.slice(6)) as Record<string, unknown>);
}

const everything: readonly Whole[] = [
  { type: 'start', fingerprint: 'fp_1' },
  { type: 'reasoning-delta', choice: 0, json: jsonText('let me "think"\n') },
  text('grüße 😀 \u2028'),
  { type: 'tool-call-start', choice: 0, index: 0, id: 'call_1', name: 'f', extra: { signature: 'é' } },
  { type: 'tool-call-delta', choice: 0, index: 0, json: jsonText('{"a":') },
  { type: 'tool-call-delta', choice: 0, index: 0, json: jsonText('"b"}') },
  usage,
  { type: 'finish', choice: 0, reason: 'tool_calls', extra: { again: true } },
];

describe('the chunk encoder', () => {
  it('writes a stream that the checker accepts, pure ASCII, for every kind of event', () => {
    const stream = encode(everything);
    expect(checkStream(Buffer.from(stream)).violations).toEqual([]);
    expect(stream).toMatch(/^[\x20-\x7e\n]*$/);
    const summary = checkStream(Buffer.from(stream)).summary;
    expect(summary.choices[0]).toMatchObject({ content: 'grüße 😀 \u2028', reasoning: 'let me "think"\n' });
  });

  it('puts usage on the last finish chunk and nowhere else', () => {
    const chunks = chunksOf(encode([text('a'), text('b', 1), usage, finish(1), finish(0)], 2));
    expect(chunks.filter((chunk) => 'usage' in chunk)).toEqual([chunks.at(-1)]);
    expect(chunks.at(-1)).toMatchObject({
      choices: [{ index: 0, delta: {}, finish_reason: 'stop' }],
      usage: {
        prompt_tokens: 7,
        completion_tokens: 3,
        total_tokens: 10,
        prompt_tokens_details: { cached_tokens: 2 },
        completion_tokens_details: { reasoning_tokens: 1 },
      },
    });
  });

  it('puts usage on a chunk of its own where that is configured, and null on all others', () => {
    const chunks = chunksOf(encode([text('a'), usage, finish()], 1, 'separate'));
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: 10 } });
    expect(chunks.slice(0, -1).every((chunk) => chunk['usage'] === null)).toBe(true);
  });

  it('writes no usage in the separate form without include_usage', () => {
    const chunks = chunksOf(encode([text('a'), usage, finish()], 1, 'none'));
    expect(chunks.some((chunk) => 'usage' in chunk)).toBe(false);
  });

  it('writes one payload for each event, so that one event is one write', () => {
    const encoder = createChunkEncoder(run, 1, 'inline');
    const payloads: string[] = [];
    encoder.begin(served, { event: () => {} });
    encoder.encode(text('a'), { event: (payload) => payloads.push(payload) });
    expect(payloads).toHaveLength(1);
    expect(encoder.keepalive()).toContain('"delta":{"content":""}');
  });

  it('writes output that it does not name in a delta of its own, as it came', () => {
    const value = '[{"n":12345678901234567890,"x":1.0,"t":"gr\\u00fc"}]';
    expect(encode([{ type: 'other-delta', choice: 0, field: 'imagés', value }])).toContain(
      `"choices":[{"index":0,"delta":{"imag\\u00e9s":${value}},"logprobs":null`,
    );
  });

  it('carries log probabilities beside their text', () => {
    const token = { token: 'a', logprob: -0.5, bytes: [97], top_logprobs: [] };
    const [chunk] = chunksOf(
      encode([{ type: 'text-delta', choice: 0, json: jsonText('a'), logprobs: [token] }]),
    ).slice(1);
    expect(chunk).toMatchObject({
      choices: [{ delta: { content: 'a' }, logprobs: { content: [token], refusal: null } }],
    });
  });
});

describe('the completion collector', () => {
  const collect = (events: readonly Whole[], choices = 1) => {
    const collector = createCompletionCollector(choices);
    for (const event of events) collector.add(event);
    return JSON.parse(collector.toJson(identity)) as Record<string, unknown>;
  };

  it('makes one object from the same events', () => {
    expect(collect(everything)).toEqual({
      id: 'chatcmpl-1',
      object: 'chat.completion',
      created: 1_700_000_000,
      model: 'acme/"chat" é',
      system_fingerprint: 'fp_1',
      choices: [
        {
          index: 0,
          message: {
            role: 'assistant',
            content: 'grüße 😀 \u2028',
            refusal: null,
            reasoning_content: 'let me "think"\n',
            extra_content: { again: true },
            tool_calls: [
              {
                id: 'call_1',
                type: 'function',
                function: { name: 'f', arguments: '{"a":"b"}' },
                extra_content: { signature: 'é' },
              },
            ],
          },
          logprobs: null,
          finish_reason: 'tool_calls',
        },
      ],
      usage: expect.objectContaining({ total_tokens: 10 }),
    });
  });

  it('joins the pieces of each field, and keeps text and reasoning apart from them', () => {
    const other = (field: string, value: string): Whole => ({ type: 'other-delta', choice: 0, field, value });
    const thought: Whole = { type: 'reasoning-delta', choice: 0, json: jsonText('late') };
    const events = [
      text('See'),
      other('images', '[{"url":"a"}]'),
      thought,
      text(' there'),
      other('images', '[{"url":"b"}]'),
      usage,
      finish(),
    ];
    expect(collect(events)).toMatchObject({
      choices: [
        {
          message: {
            content: 'See there',
            reasoning_content: 'late',
            images: [{ url: 'a' }, { url: 'b' }],
          },
        },
      ],
    });
  });

  it('joins very many log probabilities in linear time', () => {
    const token = { token: 'a', logprob: -0.5, bytes: [97], top_logprobs: [] };
    const many = Array.from({ length: 200_000 }, () => ({ ...text('a'), logprobs: [token] }));
    const { choices } = collect([...many, usage, finish()]) as {
      choices: { logprobs: { content: unknown[] } }[];
    };
    expect(choices[0]?.logprobs.content).toHaveLength(200_000);
  });

  it('takes no more of an answer than the bound', () => {
    const collector = createCompletionCollector(2);
    const page = 'x'.repeat(1024 * 1024);
    const taken = Array.from({ length: 34 }, (_, at) => collector.add(text(page, at % 2)));
    expect(taken.indexOf(false)).toBe(32);
  });

  it('writes null for the content where there are only calls, and an empty text where there is no output', () => {
    const call: Whole = { type: 'tool-call-start', choice: 0, index: 0, id: 'c', name: 'f' };
    expect(collect([call, usage, finish()])).toMatchObject({ choices: [{ message: { content: null } }] });
    const image: Whole = { type: 'other-delta', choice: 0, field: 'images', value: '[1]' };
    expect(collect([image, usage, finish()])).toMatchObject({
      choices: [{ message: { content: null, images: [1] } }],
    });
    expect(collect([usage, finish()])).toMatchObject({ choices: [{ message: { content: '' } }] });
  });
});
