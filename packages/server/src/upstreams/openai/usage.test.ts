import { describe, expect, test } from 'vitest';
import type { StreamEvent } from '../../domain/stream-event.ts';
import type { Usage } from '../../domain/usage.ts';
import { batchesOf, type FakeAnswerOptions } from './fake-answer.ts';

const frame = (value: unknown) => `data: ${typeof value === 'string' ? value : JSON.stringify(value)}\n\n`;
const text = (content: string, more: object = {}) => ({
  choices: [{ index: 0, delta: { content }, finish_reason: null }],
  ...more,
});
const finish = (more: object = {}, inChoice: object = {}) => ({
  choices: [{ index: 0, delta: {}, finish_reason: 'stop', ...inChoice }],
  ...more,
});
const counts = (prompt: unknown, completion: unknown, more: object = {}) => ({
  usage: { prompt_tokens: prompt, completion_tokens: completion, ...more },
});
const alone = (prompt: unknown, completion: unknown, more: object = {}) => ({
  choices: [],
  ...counts(prompt, completion, more),
});
const reasoned = (tokens: unknown, total: unknown) => ({
  completion_tokens_details: { reasoning_tokens: tokens },
  total_tokens: total,
});
const zeros = counts(0, 0, { total_tokens: 0 });

const usagesOf = (events: readonly StreamEvent[]) =>
  events.flatMap((event) => (event.type === 'usage' ? [event.usage] : []));

/** The usage of a stream, the same whole and byte by byte; undefined where it has none. */
async function usageOf(chunks: readonly unknown[], options: Partial<FakeAnswerOptions> = {}) {
  const all = chunks.map(frame).join('');
  const [whole, bytes] = [[all], [...Buffer.from(all)].map((byte) => Uint8Array.of(byte))];
  const [usage, ...others] = usagesOf((await batchesOf(whole, options)).flat());
  expect(others).toEqual([]);
  expect(usagesOf((await batchesOf(bytes, options)).flat())).toEqual(usage === undefined ? [] : [usage]);
  return usage;
}

const real: Usage = { promptTokens: 32, completionTokens: 9 };

describe('a count of zero', () => {
  test.each<[string, readonly unknown[]]>([
    ['on the finish, before the real ones', [text('a'), finish(zeros), alone(32, 9)]],
    ['on the finish, with the total, before the real ones', [text('a'), finish(counts(32, 0)), alone(32, 9)]],
    ['behind the real ones', [text('a'), finish(counts(32, 9)), alone(0, 0)]],
    ['behind the real ones, in a chunk with choices', [text('a', counts(32, 9)), finish(zeros)]],
    ['twice behind the real ones', [text('a'), finish(), alone(32, 9), alone(0, 0), alone(0, 0)]],
    ['on every chunk but the last', [text('a', zeros), text('b', zeros), finish(zeros), alone(32, 9)]],
    ['of the prompt, behind the real ones', [text('a'), finish(counts(32, 9)), alone(0, 9)]],
    ['as a text', [text('a'), finish(counts('0', '0')), alone(32, 9)]],
    ['before the output', [alone(0, 0), text('a'), finish(), alone(32, 9)]],
  ])('is ignored: %s', async (_, chunks) => {
    expect(await usageOf([...chunks, '[DONE]'])).toEqual(real);
  });

  test('leaves no usage where no count is known', async () => {
    for (const chunks of [[finish(zeros)], [finish(), alone(0, 0)], [finish(zeros), alone(0, 0)]]) {
      expect(await usageOf([text('a'), ...chunks, '[DONE]'])).toBeUndefined();
    }
  });

  test.each<[unknown, unknown, object, Usage]>([
    [0, 9, {}, { promptTokens: 0, completionTokens: 9 }],
    [32, 0, {}, { promptTokens: 32, completionTokens: 0 }],
    [32, 0, { total_tokens: 32 }, { promptTokens: 32, completionTokens: 0 }],
    // The total shows the other count.
    [32, 0, { total_tokens: 41 }, real],
    [0, 9, { total_tokens: 41 }, real],
    [0, 9, { total_tokens: 9 }, { promptTokens: 0, completionTokens: 9 }],
  ])('keeps the other count: %j, %j, %j', async (prompt, completion, more, usage) => {
    expect(await usageOf([text('a'), finish(), alone(prompt, completion, more), '[DONE]'])).toEqual(usage);
  });

  test('for reasoning that was delivered is left out', async () => {
    const thought = { choices: [{ index: 0, delta: { reasoning_content: 'hm' } }] };
    const chunks = [text('a'), finish(), alone(32, 9, reasoned(0, 41)), '[DONE]'];
    expect(await usageOf([thought, ...chunks])).toEqual(real);
    expect(await usageOf(chunks)).toEqual({ ...real, reasoningTokens: 0 });
  });
});

describe('a count that is no count', () => {
  test.each<[unknown, unknown, Usage]>([
    [-1, 4, { promptTokens: 0, completionTokens: 4 }],
    [3, 1.5, { promptTokens: 3, completionTokens: 0 }],
    [3, 1e15, { promptTokens: 3, completionTokens: 0 }],
    [3, 1e300, { promptTokens: 3, completionTokens: 0 }],
    [3, null, { promptTokens: 3, completionTokens: 0 }],
    [undefined, 4, { promptTokens: 0, completionTokens: 4 }],
    [3, undefined, { promptTokens: 3, completionTokens: 0 }],
    ['3', '4', { promptTokens: 3, completionTokens: 4 }],
    ['3.0', 4, { promptTokens: 0, completionTokens: 4 }],
    [[3], 4, { promptTokens: 0, completionTokens: 4 }],
  ])('is ignored, and the other is kept: %j and %j', async (prompt, completion, usage) => {
    expect(await usageOf([text('a'), finish(), alone(prompt, completion), '[DONE]'])).toEqual(usage);
  });

  test('is found out of the total', async () => {
    const chunks = [text('a'), finish(), alone(32, undefined, { total_tokens: 41 }), '[DONE]'];
    expect(await usageOf(chunks)).toEqual(real);
  });
});

describe('reasoning tokens', () => {
  test.each<[number, number, object, Usage]>([
    // xAI counts them beside the completion.
    [32, 9, reasoned(94, 135), { promptTokens: 32, completionTokens: 103, reasoningTokens: 94 }],
    [21, 0, reasoned(60, 81), { promptTokens: 21, completionTokens: 60, reasoningTokens: 60 }],
    [32, 9, reasoned(5, 46), { promptTokens: 32, completionTokens: 14, reasoningTokens: 5 }],
    [0, 9, reasoned(94, 135), { promptTokens: 32, completionTokens: 103, reasoningTokens: 94 }],
    // OpenAI counts them within.
    [32, 9, reasoned(5, 41), { promptTokens: 32, completionTokens: 9, reasoningTokens: 5 }],
    [32, 9, reasoned(5, undefined), { promptTokens: 32, completionTokens: 9, reasoningTokens: 5 }],
    // The total shows neither.
    [32, 9, reasoned(5, 1_000), { promptTokens: 32, completionTokens: 9, reasoningTokens: 5 }],
    [32, 9, reasoned(94, 41), real],
    [32, 9, reasoned(94, undefined), real],
    // The text has tokens too, which nothing counts.
    [
      32,
      0,
      reasoned(60, undefined),
      { promptTokens: 32, completionTokens: 60, reasoningTokens: 60, estimated: true },
    ],
  ])(
    'are added where the total exceeds the counts by them: %j, %j, %j',
    async (prompt, completion, more, usage) => {
      expect(await usageOf([text('a'), finish(), alone(prompt, completion, more), '[DONE]'])).toEqual(usage);
    },
  );
});

describe('a usage in another place or under other names', () => {
  const whole = { prompt_tokens: 32, completion_tokens: 9 };
  test.each<[string, readonly unknown[], object]>([
    ['in the choice (Moonshot)', [finish({}, { usage: whole })], {}],
    ['in the choice, beside zeros', [finish(zeros, { usage: whole })], {}],
    ['in the choice, with zeros behind', [finish({}, { usage: whole }), alone(0, 0)], {}],
    [
      'cached_tokens at the top (Moonshot)',
      [finish(), alone(32, 9, { cached_tokens: 20 })],
      { cachedTokens: 20 },
    ],
    [
      'zeros in the details, cached_tokens at the top',
      [finish(), alone(32, 9, { cached_tokens: 20, prompt_tokens_details: { cached_tokens: 0 } })],
      { cachedTokens: 20 },
    ],
    [
      'prompt_cache_hit_tokens',
      [finish(), alone(32, 9, { prompt_cache_hit_tokens: 20 })],
      { cachedTokens: 20 },
    ],
    [
      'cache_write_tokens in the details (OpenRouter)',
      [finish(), alone(32, 9, { prompt_tokens_details: { cached_tokens: 20, cache_write_tokens: 12 } })],
      { cachedTokens: 20, cacheWriteTokens: 12 },
    ],
    [
      'cache_creation_input_tokens at the top (LiteLLM)',
      [finish(), alone(32, 9, { cache_creation_input_tokens: 12 })],
      { cacheWriteTokens: 12 },
    ],
    [
      'more cached and written than the prompt has',
      [finish(), alone(32, 9, { prompt_tokens_details: { cached_tokens: 20, cache_write_tokens: 13 } })],
      { cachedTokens: 20 },
    ],
    ['more cached than the prompt has', [finish(), alone(32, 9, { cached_tokens: 33 })], {}],
    ['in x_groq', [finish({ x_groq: { id: 'req', usage: whole } })], {}],
    ['in x_groq, beside null', [finish({ usage: null, x_groq: { usage: whole } })], {}],
    [
      'by the names of other APIs',
      [
        finish({
          usage: {
            input_tokens: 32,
            output_tokens: 9,
            input_tokens_details: { cached_tokens: 20 },
            output_tokens_details: { reasoning_tokens: 4 },
          },
        }),
      ],
      { cachedTokens: 20, reasoningTokens: 4 },
    ],
    ['by both names', [finish({ usage: { ...zeros.usage, input_tokens: 32, output_tokens: 9 } })], {}],
    [
      'in timings',
      [finish({ timings: { cache_n: 20, prompt_n: 12, predicted_n: 9 } })],
      { cachedTokens: 20 },
    ],
    ['in usage, with timings', [finish({ timings: { prompt_n: 1, predicted_n: 9 } }), alone(32, 9)], {}],
    ['without choices, before the output', [alone(32, 0), text('b'), finish(counts(0, 9))], {}],
  ])('is read: %s', async (_, chunks, more) => {
    expect(await usageOf([text('a'), ...chunks, '[DONE]'])).toEqual({ ...real, ...more });
  });

  test('in timings without the tokens from the cache has no prompt', async () => {
    const chunks = [text('a'), finish({ timings: { prompt_n: 1, predicted_n: 9 } }), '[DONE]'];
    expect(await usageOf(chunks)).toEqual({ promptTokens: 0, completionTokens: 9 });
  });

  test.each([[null], [[]], [[{ prompt_tokens: 3, completion_tokens: 4 }]], ['none'], [{}], [17]])(
    'is none: %j',
    async (usage) => {
      expect(await usageOf([text('a', { usage }), finish({ usage }), '[DONE]'])).toBeUndefined();
    },
  );
});

describe('several reports', () => {
  test('of the answer so far: the last one counts', async () => {
    const chunks = [1, 2, 3].map((count) => text('a', counts(32, count)));
    expect(await usageOf([...chunks, finish(counts(32, 9)), '[DONE]'])).toEqual(real);
    expect(await usageOf([...chunks, finish(counts(32, 12)), alone(32, 9), '[DONE]'])).toEqual(real);
    expect(await usageOf([...chunks, text('b', counts(32, 12)), finish(), alone(32, 9), '[DONE]'])).toEqual(
      real,
    );
  });

  test('with output behind the last one have the least possible count', async () => {
    const least = { promptTokens: 32, completionTokens: 2, estimated: true };
    expect(await usageOf([alone(32, 2), text('a'), finish(), '[DONE]'])).toEqual(least);
    expect(await usageOf([text('a', counts(32, 2)), text('b'), finish(zeros), '[DONE]'])).toEqual(least);
    const late = [text('a'), alone(32, 9), text('b'), finish(), alone(32, 9), '[DONE]'];
    expect(await usageOf(late)).toEqual(real);
  });

  test('of choices that were counted separately are summed, with the prompt once', async () => {
    const of = (index: number, tokens: number) => ({
      choices: [
        { index, delta: {}, finish_reason: 'stop', usage: { prompt_tokens: 32, completion_tokens: tokens } },
      ],
    });
    const other = { choices: [{ index: 1, delta: { content: 'b' }, finish_reason: null }] };
    const both = [text('a'), other, of(0, 4), of(1, 5), '[DONE]'];
    expect(await usageOf(both, { choices: 2 })).toEqual(real);
    expect(await usageOf([text('a'), of(0, 4), other, of(1, 5), '[DONE]'], { choices: 2 })).toEqual(real);
    // The count of one choice is missing.
    const partial = { promptTokens: 32, completionTokens: 4, estimated: true };
    expect(await usageOf([text('a'), other, of(0, 4), of(1, 0), '[DONE]'], { choices: 2 })).toEqual(partial);
    // Zeros beside the counts of all choices, and the counts of all choices once more.
    const counted = [
      text('a'),
      other,
      of(0, 0),
      of(1, 0),
      alone(0, 0),
      alone(32, 4),
      alone(32, 5),
      alone(0, 0),
    ];
    expect(await usageOf([...counted, '[DONE]'], { choices: 2 })).toEqual(real);
    expect(await usageOf([...counted, alone(32, 4), alone(32, 5), '[DONE]'], { choices: 2 })).toEqual(real);
    const separate = [text('a'), other, of(0, 0), of(1, 0), alone(32, 4), alone(32, 0), '[DONE]'];
    expect(await usageOf(separate, { choices: 2 })).toEqual(partial);
  });
});

test('the usage of an answer that comes whole is read by the same rules', async () => {
  const usageOfWhole = async (usage: object, inChoice: object = {}) => {
    const choices = [{ index: 0, message: { content: 'a' }, finish_reason: 'stop', ...inChoice }];
    const answer = JSON.stringify({ object: 'chat.completion', choices, ...usage });
    return usagesOf((await batchesOf([answer], { contentType: 'application/json' })).flat());
  };
  expect(await usageOfWhole(counts(32, 9, reasoned(94, 135)))).toEqual([
    { promptTokens: 32, completionTokens: 103, reasoningTokens: 94 },
  ]);
  expect(await usageOfWhole(zeros)).toEqual([]);
  expect(await usageOfWhole(counts(32, 0))).toEqual([{ promptTokens: 32, completionTokens: 0 }]);
  expect(await usageOfWhole({}, counts(32, 9, { cached_tokens: 20 }))).toEqual([
    { ...real, cachedTokens: 20 },
  ]);
});
