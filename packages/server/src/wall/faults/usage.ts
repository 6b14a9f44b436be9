import type { Fault } from '../fault.ts';
import { inOrder, usageFrame, usageOf } from '../healthy-stream.ts';
import { alwaysWhole } from '../outcomes.ts';
import { streamed } from '../play-stream.ts';

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
        return text.replace(/\}\n\n$/, `,"usage":${JSON.stringify(counts)}}\n\n`);
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
];
