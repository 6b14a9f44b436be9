import type { ChoiceOutput } from '../answer-output.ts';
import {
  dialects,
  isJson,
  type Json,
  type MutableStream,
  type Mutation,
  objectAt,
} from '../mutable-stream.ts';
import { endsOpen, finishOf, hasEndMark, partsOf } from './stream-parts.ts';

/** One JSON answer where a stream was asked for. These come first: later mutations change that answer. */
export const wholeMutations: readonly Mutation[] = [
  {
    name: 'one JSON answer',
    dialects,
    heals: true,
    apply(stream, dice) {
      // Arguments that were cut have no place in it.
      const calls = stream.expected.choices.flatMap((choice) => choice.calls);
      if (!calls.every((call) => isJson(call.arguments))) return false;
      const data = { openai: completion, anthropic: message, gemini: contents }[stream.dialect](stream);
      stream.frames = [{ data }];
      stream.form = 'json';
      stream.contentType = dice.pick([
        'application/json',
        'application/json',
        'text/event-stream',
        '',
        'text/plain',
      ]);
      return true;
    },
  },
  {
    name: 'a list of JSON answers',
    dialects: ['gemini'],
    heals: true,
    apply(stream, dice) {
      if (stream.form !== 'stream' || stream.choices > 1) return false;
      stream.frames = stream.frames.filter(({ data }) => isJson(data));
      stream.form = 'json-list';
      stream.contentType = dice.pick(['application/json', 'application/json', '']);
      return true;
    },
  },
];

/** How the answer and its body come. */
export const formMutations: readonly Mutation[] = [
  {
    name: 'another status of success',
    dialects,
    heals: true,
    apply(stream, dice) {
      stream.status = dice.pick([201, 202, 203, 206]);
      return true;
    },
  },
  {
    name: 'another content type',
    dialects,
    heals: true,
    apply(stream, dice) {
      stream.contentType = dice.pick(['', 'text/plain', 'application/octet-stream', 'application/json']);
      return true;
    },
  },
  {
    name: 'reads of other sizes',
    dialects,
    heals: true,
    apply(stream, dice) {
      stream.reads = dice.pick(['bytes', 'drawn', 'drawn']);
      return true;
    },
  },
  {
    name: 'a body that stays open',
    dialects,
    heals: true,
    apply(stream) {
      if (stream.form !== 'stream') return false;
      stream.end = 'stays open';
      // An event that is not ended is one that may still come.
      if (stream.framing.ending !== 'gap' || stream.framing.gaps !== 'all') stream.mayFail = true;
      if (stream.framing.lineEnds.length > 1) stream.mayFail = true;
      return true;
    },
  },
];

/** Whether the answer, with all its mutations, says by its finish or its end mark that it is whole. */
export function isKnownWhole(stream: MutableStream): boolean {
  if (stream.form === 'json') return true;
  const finished = partsOf(stream).some((part) => finishOf(stream, part) !== undefined);
  return finished && (!endsOpen(stream) || hasEndMark(stream));
}

function completion(stream: MutableStream): Json {
  const { id, created, model, usage: _ } = firstJson(stream);
  const usage = stream.frames.findLast(({ data }) => isJson(data) && isJson(data['usage']))?.data;
  return {
    id,
    created,
    model,
    object: 'chat.completion',
    choices: stream.expected.choices.map((choice, index) => ({
      index,
      message: {
        role: 'assistant',
        content: choice.text === '' ? null : choice.text,
        ...(choice.reasoning === '' ? {} : { reasoning_content: choice.reasoning }),
        ...(choice.refusal === '' ? {} : { refusal: choice.refusal }),
        ...(choice.calls.length === 0
          ? {}
          : {
              tool_calls: choice.calls.map((call, at) => ({
                index: at,
                id: `call_${index}_${at}`,
                type: 'function',
                function: { name: call.name, arguments: JSON.stringify(call.arguments) },
              })),
            }),
      },
      finish_reason: choice.finish,
    })),
    ...(isJson(usage) ? { usage: usage['usage'] } : {}),
  };
}

function message(stream: MutableStream): Json {
  const [choice] = stream.expected.choices;
  const first = objectAt(firstJson(stream), 'message');
  const last = stream.frames.findLast(({ data }) => isJson(data) && data['type'] === 'message_delta')?.data;
  return {
    ...first,
    type: 'message',
    role: 'assistant',
    content: choice === undefined ? [] : blocksOf(choice),
    stop_reason: isJson(last) ? objectAt(last, 'delta')['stop_reason'] : null,
    usage: { ...objectAt(first, 'usage'), ...(isJson(last) ? objectAt(last, 'usage') : {}) },
  };
}

function blocksOf({ reasoning, text, calls }: ChoiceOutput): readonly Json[] {
  return [
    ...(reasoning === '' ? [] : [{ type: 'thinking', thinking: reasoning, signature: 'c2ln' }]),
    ...(text === '' ? [] : [{ type: 'text', text }]),
    ...calls.map((call, at) => ({
      type: 'tool_use',
      id: `toolu_${at}`,
      name: call.name,
      input: call.arguments,
    })),
  ];
}

function contents(stream: MutableStream): Json {
  const counts = stream.frames.findLast(({ data }) => isJson(data) && isJson(data['usageMetadata']))?.data;
  const parts = partsOf(stream);
  return {
    candidates: stream.expected.choices.map(({ reasoning, text, calls }, index) => {
      const own = parts.filter(({ choice }) => stream.choices === 1 || choice === index);
      const last = own.findLast((part) => finishOf(stream, part) !== undefined);
      return {
        index,
        content: {
          role: 'model',
          parts: [
            ...(reasoning === '' ? [] : [{ text: reasoning, thought: true }]),
            ...(text === '' ? [] : [{ text }]),
            ...calls.map((call) => ({ functionCall: { name: call.name, args: call.arguments } })),
          ],
        },
        finishReason: last?.holder['finishReason'],
      };
    }),
    ...(isJson(counts) ? { usageMetadata: counts['usageMetadata'] } : {}),
  };
}

function firstJson({ frames }: MutableStream): Json {
  const first = frames.find(({ data }) => isJson(data))?.data;
  return isJson(first) ? first : {};
}
