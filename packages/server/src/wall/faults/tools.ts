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
const otherPieces = ['{"ci', 'ty":"Zürich"', '}'];

const toolFault = (
  name: string,
  description: string,
  calls: (ask: WallChatRequest) => readonly JsonObject[],
  expected = alwaysWhole,
): Fault => ({
  name,
  description,
  asks,
  play: streamed((stream, _controls, ask) => callStream(stream, calls(ask))),
  expected,
  says: () => '',
  finishes: 'tool_calls',
});

export const tools: readonly Fault[] = [
  toolFault('tool-whole', 'A tool call whole in one chunk.', ({ toolName }) => [
    call(0, { id: 'call_wall_1', name: toolName, arguments: pieces.join('') }),
  ]),
  toolFault(
    'tool-bad-json',
    'A tool call whose arguments do not join to JSON.',
    ({ toolName }) => [
      call(0, { id: 'call_wall_1', name: toolName, arguments: '' }),
      call(0, { arguments: '{"city": Bern' }),
    ],
    breaksBeyondTakeover(502, 'upstream_protocol'),
  ),
  toolFault('tool-id-missing', 'A tool call in pieces, without an id.', ({ toolName }) => [
    call(0, { name: toolName, arguments: '' }),
    ...pieces.map((piece) => call(0, { arguments: piece })),
  ]),
  toolFault('tool-id-repeated', 'A tool call in pieces; each piece has id and name.', ({ toolName }) =>
    pieces.map((piece) => call(0, { id: 'call_wall_1', name: toolName, arguments: piece })),
  ),
  toolFault('tool-interleaved', 'Two tool calls whose pieces take turns.', ({ toolName }) => [
    call(0, { id: 'call_wall_1', name: toolName, arguments: '' }),
    call(1, { id: 'call_wall_2', name: toolName, arguments: '' }),
    ...pieces.flatMap((piece, index) => [
      call(0, { arguments: piece }),
      call(1, { arguments: otherPieces[index] ?? '' }),
    ]),
  ]),
];

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

function callStream({ answer, roles, usage, done }: HealthyStream, calls: readonly JsonObject[]): StreamPlan {
  return {
    pieces: [
      ...roles,
      ...calls.map((piece) => deltaFrame(answer, { tool_calls: [piece] })),
      finishFrame(answer, 'tool_calls'),
      ...usage,
      done,
    ],
    end: 'whole',
  };
}
