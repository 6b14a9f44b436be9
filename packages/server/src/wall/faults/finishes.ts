import type { FinishReason } from '@tailrace/protocol';
import type { Fault } from '../fault.ts';
import { deltaFrame, finishFrame, type HealthyStream, inOrder } from '../healthy-stream.ts';
import { alwaysWhole, breaksAfterCommit } from '../outcomes.ts';
import { type StreamPlan, streamed } from '../play-stream.ts';

const cut = breaksAfterCommit(502, 'upstream_cut');

/** Finishes that are none because output follows them, and finish reasons that OpenAI does not have. */
export const finishes: readonly Fault[] = [
  {
    name: 'finish-on-content',
    description: 'The last delta carries the finish.',
    play: streamed((stream) => ({
      pieces: inOrder({
        ...stream,
        deltas: stream.deltas.map((delta, index) =>
          index === stream.deltas.length - 1 ? finishing(delta, reasonOf(stream)) : delta,
        ),
        finishes: [],
      }),
      end: 'whole',
    })),
    expected: alwaysWhole,
  },
  {
    name: 'early-finish',
    description: 'A finish stands earlier as well; the text continues after it.',
    parameter: {
      kind: 'word',
      words: ['with-role', 'before-text', 'in-text', 'as-length', 'every-chunk'],
      means: 'where it stands',
    },
    play: streamed((stream, { word }) => ({ pieces: withEarlyFinish(stream, word), end: 'whole' })),
    expected: alwaysWhole,
  },
  {
    name: 'early-finish-cut',
    description: 'After three deltas the finish, then more text, and then neither a finish nor [DONE].',
    parameter: { kind: 'word', words: ['end', 'reset'], means: 'how the body ends' },
    play: streamed((stream, { word }) => ({
      pieces: [
        ...stream.roles,
        ...stream.deltas.slice(0, 3),
        ...stream.finishes,
        ...stream.deltas.slice(3, 6),
      ],
      end: word === 'reset' ? 'reset' : 'whole',
    })),
    expected: cut,
  },
  {
    name: 'deltas-after-finish',
    description: 'More text after the finish, and then [DONE].',
    play: streamed((stream) => {
      const late = deltaFrame(stream.answer, { content: ' late' });
      return { pieces: inOrder({ ...stream, finishes: [...stream.finishes, late, late] }), end: 'whole' };
    }),
    expected: alwaysWhole,
    says: (tokens) => `${tokens.join('')} late late`,
  },
  {
    name: 'finish-none',
    description: 'On every chunk before the finish, a finish reason that is none.',
    parameter: { kind: 'word', words: ['null', 'empty'], means: 'the reason, both as a string' },
    play: streamed((stream, { word }) => {
      const reason = word === 'empty' ? '' : word;
      const marked = (event: string) => finishing(event, reason);
      return {
        pieces: inOrder({ ...stream, roles: stream.roles.map(marked), deltas: stream.deltas.map(marked) }),
        end: 'whole',
      };
    }),
    expected: alwaysWhole,
  },
  vendorFinish('finish-stop', 'stop', ['eos', 'end_turn', 'stop_sequence', 'STOP']),
  vendorFinish('finish-length', 'length', [
    'model_length',
    'max_tokens',
    'MAX_TOKENS',
    'model_context_window_exceeded',
  ]),
  {
    name: 'finish-filter',
    description:
      'After three deltas a vendor’s finish reason that means content_filter; nothing may take over.',
    parameter: { kind: 'word', words: ['sensitive', 'SAFETY', 'refusal'], means: 'the reason' },
    play: streamed((stream, { word }) => afterThree(stream, word)),
    expected: alwaysWhole,
    says: (tokens) => tokens.slice(0, 3).join(''),
    finishes: 'content_filter',
  },
  ...(['error', 'abort'] as const).map(
    (reason): Fault => ({
      name: `finish-${reason}`,
      description: `After three deltas the finish reason is ${reason}.`,
      play: streamed((stream) => afterThree(stream, reason)),
      expected: cut,
    }),
  ),
];

function vendorFinish(name: string, meaning: FinishReason, words: readonly [string, ...string[]]): Fault {
  return {
    name,
    description: `The finish reason is one of a vendor’s own that means ${meaning}.`,
    parameter: { kind: 'word', words, means: 'the reason' },
    play: streamed((stream, { word }) => ({
      pieces: inOrder({ ...stream, finishes: [finishFrame(stream.answer, word)] }),
      end: 'whole',
    })),
    expected: alwaysWhole,
    finishes: meaning,
  };
}

function withEarlyFinish(stream: HealthyStream, word: string): readonly string[] {
  const { answer, roles, deltas } = stream;
  const stop = reasonOf(stream);
  switch (word) {
    case 'before-text':
      return inOrder({ ...stream, deltas: [...stream.finishes, ...deltas] });
    case 'in-text':
      return inOrder({ ...stream, deltas: [...deltas.slice(0, 3), ...stream.finishes, ...deltas.slice(3)] });
    case 'as-length':
      return inOrder({
        ...stream,
        deltas: [...deltas.slice(0, 3), finishFrame(answer, 'length'), ...deltas.slice(3)],
      });
    case 'every-chunk':
      return inOrder({
        ...stream,
        roles: roles.map((role) => finishing(role, stop)),
        deltas: deltas.map((delta) => finishing(delta, stop)),
        finishes: [],
      });
    default:
      return inOrder({ ...stream, roles: roles.map((role) => finishing(role, stop)) });
  }
}

function afterThree(stream: HealthyStream, reason: string): StreamPlan {
  return {
    pieces: inOrder({
      ...stream,
      deltas: stream.deltas.slice(0, 3),
      finishes: [finishFrame(stream.answer, reason)],
    }),
    end: 'whole',
  };
}

function reasonOf({ answer }: HealthyStream): string {
  return answer.choices[0]?.finish ?? 'stop';
}

/** The same event with a finish reason. */
function finishing(event: string, reason: string): string {
  return event.replace('"finish_reason":null', `"finish_reason":${JSON.stringify(reason)}`);
}
