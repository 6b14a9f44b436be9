import type { Fault } from '../fault.ts';
import { deltaFrame, frame, inOrder } from '../healthy-stream.ts';
import { alwaysWhole, breaksAfterCommit } from '../outcomes.ts';
import { streamed } from '../play-stream.ts';

// An error event without a status counts as a 500.
const reportedError = breaksAfterCommit(502, 'upstream_refused');

/** Parts of the stream that are missing, early or late, and other endings of a stream. */
export const order: readonly Fault[] = [
  {
    name: 'missing-role',
    description: 'No role chunk.',
    play: streamed((stream) => ({ pieces: inOrder({ ...stream, roles: [] }), end: 'whole' })),
    expected: alwaysWhole,
  },
  {
    name: 'missing-finish',
    description: 'The text and [DONE], without a finish.',
    play: streamed((stream) => ({ pieces: inOrder({ ...stream, finishes: [] }), end: 'whole' })),
    expected: breaksAfterCommit(502, 'upstream_cut'),
  },
  {
    name: 'missing-done',
    description: 'Finish and usage, then the end without [DONE].',
    play: streamed(({ roles, deltas, finishes, usage }) => ({
      pieces: [...roles, ...deltas, ...finishes, ...usage],
      end: 'whole',
    })),
    expected: alwaysWhole,
  },
  {
    name: 'content-null',
    description: 'content is null in the role chunk and in the finish chunk.',
    play: streamed((stream) => {
      const { answer } = stream;
      const finish = (stream.finishes[0] ?? '').replace('"delta":{}', '"delta":{"content":null}');
      return {
        pieces: inOrder({
          ...stream,
          roles: [deltaFrame(answer, { role: 'assistant', content: null })],
          finishes: [finish, ...stream.finishes.slice(1)],
        }),
        end: 'whole',
      };
    }),
    expected: alwaysWhole,
  },
  {
    name: 'event-error',
    description: 'After three deltas an event named error with a flat body; then the end.',
    play: streamed(({ roles, deltas }) => ({
      pieces: [
        ...roles,
        ...deltas.slice(0, 3),
        `event: error\n${frame({ object: 'error', message: 'The worker died.', type: 'InternalServerError', code: 500 })}`,
      ],
      end: 'whole',
    })),
    expected: reportedError,
  },
  {
    name: 'data-error',
    description: 'After three deltas an event with an error object; then the end.',
    play: streamed(({ roles, deltas }) => ({
      pieces: [...roles, ...deltas.slice(0, 3), errorFrame],
      end: 'whole',
    })),
    expected: reportedError,
  },
  {
    name: 'error-then-done',
    description: 'After three deltas an event with an error object, and then [DONE].',
    play: streamed(({ roles, deltas, done }) => ({
      pieces: [...roles, ...deltas.slice(0, 3), errorFrame, done],
      end: 'whole',
    })),
    expected: reportedError,
  },
  {
    name: 'surrogate-split',
    description:
      'The first delta ends with half of a character, escaped; the second begins with its other half.',
    play: streamed((stream) => ({
      pieces: inOrder({
        ...stream,
        deltas: [
          escaped(stream.deltas[0], '\\ud83c'),
          escaped(stream.deltas[1], '\\udf0a', true),
          ...stream.deltas.slice(2),
        ],
      }),
      end: 'whole',
    })),
    expected: alwaysWhole,
    says: ([first = '', ...others]) => `${first}🌊${others.join('')}`,
  },
  {
    name: 'surrogate-lone',
    description: 'The first delta ends with half of a character, escaped; the other half never comes.',
    play: streamed((stream) => ({
      pieces: inOrder({
        ...stream,
        deltas: [escaped(stream.deltas[0], '\\ud83c'), ...stream.deltas.slice(1)],
      }),
      end: 'whole',
    })),
    expected: alwaysWhole,
    says: ([first = '', ...others]) => `${first}\ufffd${others.join('')}`,
  },
];

const errorFrame = frame({
  error: { message: 'The worker died.', type: 'server_error', param: null, code: 'server_error' },
});

/** Writes an escape at the end (or the start) of a delta's content. */
function escaped(delta: string | undefined, half: string, atStart = false): string {
  const content = /"content":"((?:[^"\\]|\\.)*)"/;
  return (delta ?? '').replace(content, (_all, text: string) =>
    atStart ? `"content":"${half}${text}"` : `"content":"${text}${half}"`,
  );
}
