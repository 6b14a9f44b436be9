import type { JsonObject } from '../../domain/json.ts';
import type { Fault } from '../fault.ts';
import { deltaFrame, finishFrame, type HealthyStream } from '../healthy-stream.ts';
import { alwaysWhole, breaksBeyondTakeover } from '../outcomes.ts';
import { type StreamPlan, streamed } from '../play-stream.ts';
import type { WallChatRequest } from '../wall-chat-request.ts';

/** Tool calls in the forms that servers really send, and one whose arguments are not JSON. */
const asks: JsonObject = {
  tools: [
    {
      type: 'function',
      function: {
        name: 'get_weather',
        description: 'The weather of a city.',
        parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
      },
    },
  ],
};

const pieces = ['{"city"', ':"Be', 'rn"}'];
const whole = pieces.join('');
const otherPieces = ['{"ci', 'ty":"Zürich"', '}'];

const bern = [{ name: 'get_weather', arguments: { city: 'Bern' } }];
const none = [{ name: 'get_weather', arguments: {} }];
const both = [...bern, { name: 'get_weather', arguments: { city: 'Zürich' } }];

type Calls = (ask: WallChatRequest, word: string) => readonly JsonObject[];

const toolFault = (
  name: string,
  description: string,
  calls: Calls,
  more: Pick<Fault, 'calls' | 'parameter'> & Partial<Fault>,
): Fault => ({
  name,
  description,
  asks,
  play: streamed((stream, { word }, ask) => callStream(stream, calls(ask, word))),
  expected: alwaysWhole,
  says: () => '',
  finishes: 'tool_calls',
  ...more,
});

export const tools: readonly Fault[] = [
  toolFault(
    'tool-whole',
    'A tool call whole in one chunk.',
    ({ toolName }) => [call(0, { id: 'call_wall_1', name: toolName, arguments: whole })],
    { calls: bern },
  ),
  toolFault(
    'tool-bad-json',
    'A tool call whose arguments do not join to JSON.',
    ({ toolName }) => [
      call(0, { id: 'call_wall_1', name: toolName, arguments: '' }),
      call(0, { arguments: '{"city": Bern' }),
    ],
    { expected: breaksBeyondTakeover(502, 'upstream_protocol') },
  ),
  toolFault(
    'tool-id-missing',
    'A tool call in pieces, without an id.',
    ({ toolName }) => [
      call(0, { name: toolName, arguments: '' }),
      ...pieces.map((piece) => call(0, { arguments: piece })),
    ],
    { calls: bern },
  ),
  toolFault(
    'tool-id-repeated',
    'A tool call in pieces; each piece has id and name.',
    ({ toolName }) => pieces.map((piece) => call(0, { id: 'call_wall_1', name: toolName, arguments: piece })),
    { calls: bern },
  ),
  toolFault(
    'tool-interleaved',
    'Two tool calls whose pieces take turns.',
    ({ toolName }) => [
      call(0, { id: 'call_wall_1', name: toolName, arguments: '' }),
      call(1, { id: 'call_wall_2', name: toolName, arguments: '' }),
      ...pieces.flatMap((piece, index) => [
        call(0, { arguments: piece }),
        call(1, { arguments: otherPieces[index] ?? '' }),
      ]),
    ],
    { calls: both },
  ),
  toolFault(
    'calls-one-index',
    'Two tool calls, each whole in a chunk of its own, under one index.',
    ({ toolName }, word) => {
      const id = ids[word];
      return [whole, otherPieces.join('')].map((text, index) =>
        call(0, { ...(id === undefined ? {} : { id: id(index) }), name: toolName, arguments: text }),
      );
    },
    {
      calls: both,
      parameter: {
        kind: 'word',
        words: ['empty', 'absent', 'equal', 'different'],
        means: 'what their ids are',
      },
    },
  ),
  toolFault(
    'name-in-pieces',
    'The name of a tool comes in pieces.',
    ({ toolName }, word) => [
      ...namePieces(toolName, word),
      ...pieces.map((piece) => call(0, { arguments: piece })),
    ],
    {
      calls: bern,
      parameter: {
        kind: 'word',
        words: ['halves', 'with-id', 'letters', 'repeated'],
        means: 'which: two halves, both with the id, single letters, or the whole name twice',
      },
    },
  ),
  toolFault(
    'arguments-none',
    'A tool call without arguments, in a form that is no object.',
    ({ toolName }, word) => [
      {
        index: 0,
        id: 'call_wall_1',
        type: 'function',
        function: { name: toolName, ...(word === 'absent' ? {} : { arguments: noArguments[word] ?? '' }) },
      },
    ],
    {
      calls: none,
      parameter: { kind: 'word', words: ['empty', 'null', 'list', 'absent'], means: 'the form' },
    },
  ),
  toolFault(
    'arguments-twice',
    'The arguments of a tool call are said more than once.',
    ({ toolName }, word) => [
      call(0, { id: 'call_wall_1', name: toolName, arguments: '' }),
      ...(saidTwice[word] ?? []).map((piece) => call(0, { arguments: piece })),
    ],
    {
      calls: bern,
      parameter: {
        kind: 'word',
        words: ['object-first', 'repeated', 'cumulative', 'encoded'],
        means:
          'how: {} before them, whole once more at the end, each piece with those before it, or once more as a JSON string',
      },
    },
  ),
  {
    ...toolFault('finish-each-call', 'Two tool calls, each with a finish of its own.', () => [], {
      calls: both,
    }),
    play: streamed((stream, _controls, { toolName }) => {
      const { answer, roles, usage, done } = stream;
      const calls = [whole, otherPieces.join('')].flatMap((text, index) => [
        deltaFrame(answer, {
          tool_calls: [call(index, { id: `call_wall_${index}`, name: toolName, arguments: text })],
        }),
        finishFrame(answer, 'tool_calls'),
      ]);
      return { pieces: [...roles, ...calls, ...usage, done], end: 'whole' };
    }),
  },
  {
    ...toolFault('finish-calls', 'A tool call whose finish reason is a vendor’s own.', () => [], {
      calls: bern,
    }),
    parameter: {
      kind: 'word',
      words: ['tool_use', 'function_call', 'stop'],
      means: 'the reason',
    },
    play: streamed((stream, { word }, { toolName }) =>
      callStream(stream, [call(0, { id: 'call_wall_1', name: toolName, arguments: whole })], word),
    ),
  },
];

const ids: Readonly<Record<string, (call: number) => string>> = {
  empty: () => '',
  equal: () => 'call_wall_1',
  different: (index) => `call_wall_${index}`,
};

const noArguments: Readonly<Record<string, string>> = { null: 'null', list: '[]' };

const saidTwice: Readonly<Record<string, readonly string[]>> = {
  'object-first': ['{}', ...pieces],
  repeated: [...pieces, whole],
  cumulative: pieces.map((_, index) => pieces.slice(0, index + 1).join('')),
  encoded: [...pieces, JSON.stringify(whole)],
};

function namePieces(name: string, word: string): readonly JsonObject[] {
  const id = 'call_wall_1';
  const half = Math.ceil(name.length / 2);
  const halves = [name.slice(0, half), name.slice(half)];
  const parts = word === 'letters' ? [...name] : word === 'repeated' ? [name, name] : halves;
  return parts.map((part, index) =>
    call(0, { ...(index === 0 || word === 'with-id' ? { id } : {}), name: part, arguments: '' }),
  );
}

interface CallPiece {
  readonly id?: string;
  readonly name?: string;
  readonly arguments: string;
}

function call(index: number, { id, name, arguments: text }: CallPiece): JsonObject {
  return {
    index,
    ...(id === undefined ? {} : { id, type: 'function' }),
    function: { ...(name === undefined ? {} : { name }), arguments: text },
  };
}

function callStream(
  { answer, roles, usage, done }: HealthyStream,
  calls: readonly JsonObject[],
  reason = 'tool_calls',
): StreamPlan {
  return {
    pieces: [
      ...roles,
      ...calls.map((piece) => deltaFrame(answer, { tool_calls: [piece] })),
      finishFrame(answer, reason),
      ...usage,
      done,
    ],
    end: 'whole',
  };
}
