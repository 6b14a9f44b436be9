import type { FinishReason } from '@tailrace/protocol';
import fc from 'fast-check';
import type { Usage } from '../../domain/usage.ts';
import { type ChoiceOutput, emptyChoice } from './answer-output.ts';
import {
  createStream,
  type DialectName,
  type Frame,
  type Json,
  type MutableStream,
} from './mutable-stream.ts';

/** An answer that an upstream sends, in the pieces in which it sends it. */
export interface WrittenAnswer {
  readonly dialect: DialectName;
  readonly choices: readonly WrittenChoice[];
  readonly usage: Usage;
  /** Orders the pieces of several choices. */
  readonly turns: readonly number[];
}

export interface WrittenChoice {
  readonly thoughts: readonly string[];
  readonly texts: readonly string[];
  /** Thoughts after the text. */
  readonly lateThoughts: readonly string[];
  readonly calls: readonly WrittenCall[];
  readonly finish: FinishReason;
}

export interface WrittenCall {
  readonly name: string;
  /** The pieces of the JSON of its arguments; none: the call has no arguments. */
  readonly pieces: readonly string[];
}

// No `<`: a text that opens with a tag of thoughts is another case, which has tests of its own.
const letter = fc.constantFrom(
  ...'abc de"\\{}[]:,\n\t/\u00e9\u00df\u4e16\u2028\u{1f30a}\u{1f469}\u200d\u{1f52c}1'.split(''),
);
/** Texts of UTF-16 units: the halves of a pair may stand in two pieces, or alone. */
const text = fc.array(letter, { minLength: 1, maxLength: 8 }).map((units) => units.join(''));
const texts = (most: number) => fc.array(text, { maxLength: most });

const value = fc.oneof(
  fc.constantFrom(0, 1, -7.5, true, null, '', 'a', 'k\u00f6ln "x"', '\u{1f30a}'),
  fc.constant([1, { b: 2 }]),
);
const args = fc.dictionary(fc.constantFrom('a', 'city', 'days', '\u00e9'), value, {
  noNullPrototype: true,
  maxKeys: 3,
});

const call: fc.Arbitrary<WrittenCall> = fc
  .record({
    name: fc.constantFrom('get_weather', 'get_time', 'edit_existing_file', 'f', 'look-up', 'get'),
    args: fc.option(args, { freq: 5 }),
    spaced: fc.boolean(),
    size: fc.integer({ min: 1, max: 12 }),
  })
  .map((made) => {
    if (made.args === null) return { name: made.name, pieces: [] };
    const json = JSON.stringify(made.args, undefined, made.spaced ? 1 : undefined);
    return { name: made.name, pieces: json.match(new RegExp(`[^]{1,${made.size}}`, 'g')) ?? [] };
  });

const choice: fc.Arbitrary<WrittenChoice> = fc
  .record({
    thoughts: fc.oneof({ arbitrary: fc.constant([]), weight: 2 }, { arbitrary: texts(3), weight: 1 }),
    texts: texts(6),
    lateThoughts: fc.oneof({ arbitrary: fc.constant([]), weight: 5 }, { arbitrary: texts(2), weight: 1 }),
    calls: fc.oneof(
      { arbitrary: fc.constant([]), weight: 2 },
      { arbitrary: fc.array(call, { minLength: 1, maxLength: 3 }), weight: 4 },
    ),
    finish: fc.constantFrom<FinishReason>('stop', 'stop', 'stop', 'length', 'content_filter'),
  })
  .map((made) => ({
    ...made,
    // A choice that says nothing is another case: its finish waits for the end of the body.
    texts: made.texts.length + made.thoughts.length + made.calls.length === 0 ? ['a'] : made.texts,
    // White space before thoughts is no text.
    lateThoughts: made.texts.join('').trim() === '' ? [] : made.lateThoughts,
    finish: made.calls.length > 0 && made.finish === 'stop' ? 'tool_calls' : made.finish,
  }));

/** Answers of every dialect. Anthropic's have one choice. */
export const anyWrittenAnswer: fc.Arbitrary<WrittenAnswer> = fc
  .record({
    dialect: fc.constantFrom<DialectName>('openai', 'openai', 'anthropic', 'gemini'),
    choices: fc.oneof(
      { arbitrary: fc.array(choice, { minLength: 1, maxLength: 1 }), weight: 5 },
      { arbitrary: fc.array(choice, { minLength: 2, maxLength: 3 }), weight: 1 },
    ),
    prompt: fc.integer({ min: 2, max: 500 }),
    completion: fc.integer({ min: 2, max: 500 }),
    cached: fc.option(fc.integer({ min: 1, max: 500 })),
    written: fc.option(fc.integer({ min: 1, max: 500 })),
    thought: fc.integer({ min: 1, max: 500 }),
    turns: fc.array(fc.nat(7), { minLength: 1, maxLength: 8 }),
  })
  .map(({ dialect, choices, prompt, completion, cached, written, thought, turns }) => {
    const used = dialect === 'anthropic' ? choices.slice(0, 1) : choices;
    const thinks = used.some(({ thoughts, lateThoughts }) => thoughts.length + lateThoughts.length > 0);
    const read = cached === null ? undefined : Math.min(cached, prompt - 1);
    // Gemini reports no such count.
    const isWritten = written !== null && dialect !== 'gemini';
    return {
      dialect,
      choices: used,
      usage: {
        promptTokens: prompt,
        completionTokens: completion,
        ...(read === undefined ? {} : { cachedTokens: read }),
        ...(isWritten ? { cacheWriteTokens: Math.min(written, prompt - (read ?? 0)) } : {}),
        ...(thinks ? { reasoningTokens: Math.min(thought, completion - 1) } : {}),
      },
      turns,
    };
  });

/** The stream in which an upstream in good order sends the answer. */
export function writeStream(answer: WrittenAnswer): MutableStream {
  const frames = { openai: chatFrames, anthropic: messageFrames, gemini: contentFrames }[answer.dialect](
    answer,
  );
  return createStream(answer.dialect, frames, answer.choices.map(outputOfChoice), answer.usage);
}

function outputOfChoice({
  thoughts,
  texts: pieces,
  lateThoughts,
  calls,
  finish,
}: WrittenChoice): ChoiceOutput {
  return {
    ...emptyChoice(),
    text: pieces.join('').toWellFormed(),
    reasoning: thoughts.join('').toWellFormed() + lateThoughts.join('').toWellFormed(),
    calls: calls.map((one) => ({
      name: one.name,
      arguments: one.pieces.length === 0 ? {} : (JSON.parse(one.pieces.join('')) as unknown),
    })),
    finish,
  };
}

/** The pieces of all choices, each choice's in their order, and the choices in turns. */
function inTurns<T>(lists: readonly (readonly T[])[], turns: readonly number[]): readonly T[] {
  const left = lists.map((list) => [...list]);
  const merged: T[] = [];
  for (let turn = 0; left.some((list) => list.length > 0); turn += 1) {
    const open = left.filter((list) => list.length > 0);
    const next = open[(turns[turn % turns.length] ?? 0) % open.length]?.shift();
    if (next !== undefined) merged.push(next);
  }
  return merged;
}

function chatFrames({ choices, usage, turns }: WrittenAnswer): Frame[] {
  const chunk = (parts: Json[], more: Json = {}): Frame => ({
    data: {
      id: 'chatcmpl-1',
      object: 'chat.completion.chunk',
      created: 1,
      model: 'm',
      choices: parts,
      ...more,
    },
  });
  const deltas = choices.map((one, index) => {
    const part = (delta: Json, finish: string | null = null): Frame =>
      chunk([{ index, delta, finish_reason: finish }]);
    const called = (at: number, fields: Json): Frame => part({ tool_calls: [{ index: at, ...fields }] });
    return [
      part({ role: 'assistant', content: '' }),
      ...one.thoughts.map((piece) => part({ reasoning_content: piece })),
      ...one.texts.map((piece) => part({ content: piece })),
      ...one.lateThoughts.map((piece) => part({ reasoning_content: piece })),
      ...one.calls.flatMap(({ name, pieces }, at) => [
        called(at, { id: `call_${index}_${at}`, type: 'function', function: { name, arguments: '' } }),
        ...pieces.map((piece) => called(at, { function: { arguments: piece } })),
      ]),
      part({}, one.finish),
    ];
  });
  const { promptTokens, completionTokens, cachedTokens, cacheWriteTokens, reasoningTokens } = usage;
  const counts = {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    ...(cachedTokens === undefined && cacheWriteTokens === undefined
      ? {}
      : {
          prompt_tokens_details: {
            ...(cachedTokens === undefined ? {} : { cached_tokens: cachedTokens }),
            ...(cacheWriteTokens === undefined ? {} : { cache_write_tokens: cacheWriteTokens }),
          },
        }),
    ...(reasoningTokens === undefined
      ? {}
      : { completion_tokens_details: { reasoning_tokens: reasoningTokens } }),
  };
  return [...inTurns(deltas, turns), chunk([], { usage: counts }), { data: '[DONE]' }];
}

const stopReasons = {
  stop: 'end_turn',
  length: 'max_tokens',
  tool_calls: 'tool_use',
  content_filter: 'refusal',
} as const;

function messageFrames({ choices: [one], usage }: WrittenAnswer): Frame[] {
  if (one === undefined) return [];
  const { promptTokens, completionTokens, cachedTokens, cacheWriteTokens, reasoningTokens } = usage;
  const frames: Frame[] = [];
  const say = (type: string, fields: Json): void => {
    frames.push({ name: type, data: { type, ...fields } });
  };
  let index = 0;
  function block(start: Json, deltas: readonly Json[]): void {
    say('content_block_start', { index, content_block: start });
    for (const delta of deltas) say('content_block_delta', { index, delta });
    say('content_block_stop', { index });
    index += 1;
  }
  const think = (pieces: readonly string[]): void => {
    if (pieces.length === 0) return;
    const deltas = pieces.map((thinking) => ({ type: 'thinking_delta', thinking }));
    block({ type: 'thinking', thinking: '', signature: '' }, [
      ...deltas,
      { type: 'signature_delta', signature: 'c2ln' },
    ]);
  };
  const input = { input_tokens: promptTokens - (cachedTokens ?? 0) - (cacheWriteTokens ?? 0) };
  const cache = {
    ...(cachedTokens === undefined ? {} : { cache_read_input_tokens: cachedTokens }),
    ...(cacheWriteTokens === undefined ? {} : { cache_creation_input_tokens: cacheWriteTokens }),
  };
  say('message_start', {
    message: {
      id: 'msg_1',
      type: 'message',
      role: 'assistant',
      content: [],
      model: 'm',
      stop_reason: null,
      usage: { ...input, ...cache, output_tokens: 1 },
    },
  });
  think(one.thoughts);
  if (one.texts.length > 0) {
    block(
      { type: 'text', text: '' },
      one.texts.map((piece) => ({ type: 'text_delta', text: piece })),
    );
  }
  think(one.lateThoughts);
  for (const [at, { name, pieces }] of one.calls.entries()) {
    block(
      { type: 'tool_use', id: `toolu_${at}`, name, input: {} },
      ['', ...pieces].map((piece) => ({ type: 'input_json_delta', partial_json: piece })),
    );
  }
  say('message_delta', {
    delta: { stop_reason: stopReasons[one.finish], stop_sequence: null },
    usage: {
      output_tokens: completionTokens,
      ...(reasoningTokens === undefined
        ? {}
        : { output_tokens_details: { thinking_tokens: reasoningTokens } }),
    },
  });
  say('message_stop', {});
  return frames;
}

const geminiReasons = {
  stop: 'STOP',
  length: 'MAX_TOKENS',
  tool_calls: 'STOP',
  content_filter: 'SAFETY',
} as const;

function contentFrames({ choices, usage, turns }: WrittenAnswer): Frame[] {
  const { promptTokens, completionTokens, cachedTokens, reasoningTokens } = usage;
  const counts = {
    promptTokenCount: promptTokens,
    candidatesTokenCount: completionTokens - (reasoningTokens ?? 0),
    totalTokenCount: promptTokens + completionTokens,
    ...(reasoningTokens === undefined ? {} : { thoughtsTokenCount: reasoningTokens }),
    ...(cachedTokens === undefined ? {} : { cachedContentTokenCount: cachedTokens }),
  };
  const frames = inTurns(
    choices.map((one, index) => {
      const candidate = (parts: Json[], more: Json = {}): Frame => ({
        data: { candidates: [{ index, content: { role: 'model', parts }, ...more }], modelVersion: 'm' },
      });
      return [
        ...one.thoughts.map((piece) => candidate([{ text: piece, thought: true }])),
        ...one.texts.map((piece) => candidate([{ text: piece }])),
        ...one.lateThoughts.map((piece) => candidate([{ text: piece, thought: true }])),
        ...one.calls.map(({ name, pieces }, at) =>
          candidate([
            {
              functionCall: {
                id: `fc_${index}_${at}`,
                name,
                args: pieces.length === 0 ? {} : (JSON.parse(pieces.join('')) as unknown),
              },
            },
          ]),
        ),
        candidate([], { finishReason: geminiReasons[one.finish] }),
      ];
    }),
    turns,
  );
  const last = frames.at(-1)?.data;
  if (typeof last === 'object' && !Buffer.isBuffer(last)) last['usageMetadata'] = counts;
  return [...frames];
}
