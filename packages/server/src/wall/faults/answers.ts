import type { JsonObject } from '../../domain/json.ts';
import type { Fault, FaultControls, Play } from '../fault.ts';
import { healthyAnswer } from '../healthy-answer.ts';
import { deltaFrame, type HealthyStream, healthyStream, inOrder } from '../healthy-stream.ts';
import { alwaysWhole, breaksBeyondTakeover } from '../outcomes.ts';
import { type StreamPlan, streamed } from '../play-stream.ts';
import type { WallChatRequest } from '../wall-chat-request.ts';

/** Streams that are well-formed, with an answer that is not as it was asked for. */

const thought = '<think>\nThe mill has a < in it, and </thin air.\n</think>\n\n';
const piecesOfThree = thought.match(/[\s\S]{1,3}/g) ?? [];

const schema: JsonObject = {
  type: 'object',
  properties: { text: { type: 'string' } },
  required: ['text'],
  additionalProperties: false,
};

/** The words of the answer, without the JSON that was asked for. */
const prose = (tokens: readonly string[]): readonly string[] =>
  tokens.slice(1, -1).map((token) => JSON.parse(`"${token}"`) as string);

const renamed = (tokens: readonly string[]): readonly string[] =>
  tokens.map((token, index) => (index === 0 ? token.replace('"text"', '"words"') : token));

export const answers: readonly Fault[] = [
  {
    name: 'think-tags',
    description:
      'Thoughts in tags open the text, split over many deltas; more of the tags stand in the text.',
    play: streamed((stream) => {
      const [first = '', ...others] = tokensOf(stream);
      return withTokens(stream, [...piecesOfThree, `${first} <think>`, ...others]);
    }),
    expected: alwaysWhole,
    says: ([first = '', ...others]) => `${first} <think>${others.join('')}`,
  },
  {
    name: 'json-prose',
    description: 'JSON was asked for, and the answer is prose that finishes as if nothing were wrong.',
    asks: { response_format: { type: 'json_object' } },
    play: onlyForJson((_stream, controls, ask) => {
      const answer = healthyAnswer({ ...ask, json: false }, controls.serial, controls.now());
      return { pieces: inOrder(healthyStream(ask, answer)), end: 'whole' };
    }),
    // Checked at its finish; text that was sent cannot be withdrawn.
    expected: breaksBeyondTakeover(502, 'upstream_protocol'),
    says: (tokens) => prose(tokens).join(''),
  },
  {
    name: 'json-off-schema',
    description: 'A schema was given, and the answer is JSON that is not valid against it.',
    asks: { response_format: { type: 'json_schema', json_schema: { name: 'told', schema, strict: true } } },
    play: onlyForJson((stream) => withTokens(stream, renamed(tokensOf(stream)))),
    expected: breaksBeyondTakeover(502, 'upstream_protocol'),
    says: (tokens) => renamed(tokens).join(''),
  },
];

/** A fault of JSON answers; a request for another answer is refused. */
function onlyForJson(
  plan: (stream: HealthyStream, controls: FaultControls, ask: WallChatRequest) => StreamPlan,
): Play {
  return streamed((stream, controls, ask) => {
    if (ask.json) return plan(stream, controls, ask);
    const message =
      'This is a fault of answers in JSON: ask with a response_format of type json_object or json_schema.';
    return { param: 'response_format', message };
  });
}

function tokensOf({ answer }: HealthyStream): readonly string[] {
  return answer.choices[0]?.tokens ?? [];
}

function withTokens(stream: HealthyStream, tokens: readonly string[]) {
  const deltas = tokens.map((content) => deltaFrame(stream.answer, { content }));
  return { pieces: inOrder({ ...stream, deltas }), end: 'whole' as const };
}
