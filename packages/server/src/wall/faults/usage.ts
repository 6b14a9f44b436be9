import type { JsonObject } from '../../domain/json.ts';
import type { Fault } from '../fault.ts';
import { type HealthyStream, inOrder, usageFrame, usageOf } from '../healthy-stream.ts';
import { alwaysWhole } from '../outcomes.ts';
import { streamed } from '../play-stream.ts';

const zeros = { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 };
const thoughtTokens = 60;
/** The counts of the healthy answer. */
const asReported = (healthyTokens: number): number => healthyTokens;

/** Usage that is missing, wrong, or not in its place. None of these may fail an answer. */
export const usage: readonly Fault[] = [
  {
    name: 'missing-usage',
    description: 'No usage, though it was asked for.',
    play: streamed((stream) => ({ pieces: inOrder({ ...stream, usage: [] }), end: 'whole' })),
    expected: alwaysWhole,
  },
  {
    name: 'usage-absurd',
    description: 'Impossible usage: negative, a fraction, not a number.',
    play: streamed((stream) => {
      const counts = { prompt_tokens: -3, completion_tokens: 1.5, total_tokens: 'many' };
      return { pieces: inOrder({ ...stream, usage: [usageFrame(stream.answer, counts)] }), end: 'whole' };
    }),
    expected: alwaysWhole,
  },
  {
    name: 'usage-early',
    description: 'Usage on every chunk, counting up.',
    play: streamed(({ answer, roles, deltas, finishes, done }) => {
      const counted = [...roles, ...deltas, ...finishes].map((text, index) => {
        const tokens = Math.min(index, answer.completionTokens);
        const counts = usageOf({ ...answer, completionTokens: tokens });
        return withUsage(text, counts);
      });
      return { pieces: [...counted, done], end: 'whole' };
    }),
    expected: alwaysWhole,
  },
  {
    name: 'usage-per-choice',
    description: 'One usage chunk for each choice, each counting its own tokens.',
    asks: { n: 2 },
    play: streamed((stream) => {
      const { answer } = stream;
      const counts = answer.choices.map(({ tokens }) =>
        usageFrame(answer, usageOf({ ...answer, completionTokens: tokens.length })),
      );
      return { pieces: inOrder({ ...stream, usage: counts }), end: 'whole' };
    }),
    expected: alwaysWhole,
  },
  {
    name: 'zero-usage',
    description: 'A usage of zeros beside the real one.',
    parameter: {
      kind: 'word',
      words: ['on-finish', 'behind', 'every-chunk'],
      means: 'where the zeros stand: on the finish, behind the real one, or on every chunk before it',
    },
    play: streamed((stream, { word }) => ({ pieces: withZeros(stream, word), end: 'whole' })),
    expected: alwaysWhole,
    counts: asReported,
  },
  {
    name: 'zero-usage-only',
    description: 'A usage of zeros, and no other one.',
    play: streamed((stream) => ({
      pieces: inOrder({ ...stream, usage: [usageFrame(stream.answer, zeros)] }),
      end: 'whole',
    })),
    expected: alwaysWhole,
  },
  {
    name: 'usage-in-choice',
    description: 'Usage inside the choice of the finish.',
    play: streamed((stream) => {
      const counts = JSON.stringify(usageOf(stream.answer));
      const finishes = stream.finishes.map((text) =>
        text.replace(/\}\]\}\n\n$/, `,"usage":${counts}}]}\n\n`),
      );
      return { pieces: inOrder({ ...stream, finishes, usage: [] }), end: 'whole' };
    }),
    expected: alwaysWhole,
    counts: asReported,
  },
  {
    name: 'usage-thoughts-beside',
    description: 'The completion tokens leave out the thoughts; the total counts them.',
    play: streamed((stream) => {
      const { promptTokens, completionTokens } = stream.answer;
      const counts = usageWithThoughts(promptTokens, completionTokens);
      return { pieces: inOrder({ ...stream, usage: [usageFrame(stream.answer, counts)] }), end: 'whole' };
    }),
    expected: alwaysWhole,
    counts: (healthyTokens) => healthyTokens + thoughtTokens,
  },
  {
    name: 'usage-thoughts-only',
    description: 'No completion tokens, only those of the thoughts; the total counts them.',
    play: streamed((stream) => {
      const counts = usageWithThoughts(stream.answer.promptTokens, 0);
      return { pieces: inOrder({ ...stream, usage: [usageFrame(stream.answer, counts)] }), end: 'whole' };
    }),
    expected: alwaysWhole,
    counts: () => thoughtTokens,
  },
];

function withZeros(stream: HealthyStream, word: string): readonly string[] {
  const { answer, roles, deltas, finishes, done } = stream;
  const zeroed = (events: readonly string[]) => events.map((event) => withUsage(event, zeros));
  const real = [usageFrame(answer)];
  switch (word) {
    case 'behind':
      return [...roles, ...deltas, ...finishes, ...real, usageFrame(answer, zeros), done];
    case 'every-chunk':
      return [...zeroed([...roles, ...deltas, ...finishes]), ...real, done];
    default:
      return [...roles, ...deltas, ...zeroed(finishes), ...real, done];
  }
}

function usageWithThoughts(prompt: number, completion: number): JsonObject {
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion + thoughtTokens,
    completion_tokens_details: { reasoning_tokens: thoughtTokens },
  };
}

/** The same event with a usage beside its choices. */
function withUsage(event: string, usage: JsonObject): string {
  return event.replace(/\}\n\n$/, `,"usage":${JSON.stringify(usage)}}\n\n`);
}
