import type { Fault, Play } from '../fault.ts';
import { chunkOf, closing, deltaFrame, frame, type HealthyStream, inOrder } from '../healthy-stream.ts';
import { alwaysWhole, breaksAfterCommit } from '../outcomes.ts';
import { streamed } from '../play-stream.ts';
import type { WallChatRequest } from '../wall-chat-request.ts';

const halfJson = 'data: {"id":"chatcmpl-wall","object":"chat.comp\n\n';
const giantBytes = 2 * 1024 * 1024;

/** Events that cannot be read, or that are not expected. */
export const events: readonly Fault[] = [
  {
    name: 'malformed-empty',
    description: 'One event that is not JSON and can have carried no output.',
    play: streamed((stream) => ({
      pieces: [...stream.roles, ...afterTwo(stream.deltas, [halfJson]), ...closing(stream)],
      end: 'whole',
    })),
    expected: alwaysWhole,
  },
  {
    name: 'malformed-delta',
    description: 'One event that is not JSON and shows that it carried text.',
    play: replacesThirdDelta((_stream, third) => `${third.slice(0, -12)}\n\n`),
    expected: breaksAfterCommit(502, 'upstream_cut'),
  },
  {
    name: 'malformed-early',
    description: 'One event that ends inside its delta, before the text that it carried.',
    play: replacesThirdDelta((_stream, third) => {
      const torn = third.slice(0, third.indexOf('{"content"') + '{"con'.length);
      return `${torn}\n\n`;
    }),
    expected: breaksAfterCommit(502, 'upstream_cut'),
  },
  {
    name: 'content-number',
    description: 'One delta whose content is a number: JSON that no text can be read from.',
    play: replacesThirdDelta(({ answer }) => deltaFrame(answer, { content: 5 })),
    expected: breaksAfterCommit(502, 'upstream_cut'),
  },
  {
    name: 'delta-list',
    description: 'Two events whose delta is an empty list, as PHP writes an empty object.',
    play: streamed((stream) => {
      const empty = frame(
        chunkOf(stream.answer, [{ index: 0, delta: [], logprobs: null, finish_reason: null }]),
      );
      return {
        pieces: inOrder({ ...stream, deltas: afterTwo(stream.deltas, [empty, empty]) }),
        end: 'whole',
      };
    }),
    expected: alwaysWhole,
  },
  {
    name: 'malformed-four',
    description: 'Four events that are not JSON and can have carried no output.',
    play: streamed((stream) => ({
      pieces: [
        ...stream.roles,
        ...afterTwo(stream.deltas, [halfJson, 'data: {"type":"ping"\n\n', 'data: [\n\n', halfJson]),
        ...closing(stream),
      ],
      end: 'whole',
    })),
    expected: breaksAfterCommit(502, 'upstream_protocol'),
  },
  {
    name: 'giant-event',
    description: 'After two deltas, one of two mebibytes.',
    play: streamed((stream) => ({
      pieces: [
        ...stream.roles,
        ...afterTwo(stream.deltas, [deltaFrame(stream.answer, { content: 'x'.repeat(giantBytes) })]),
        ...closing(stream),
      ],
      end: 'whole',
    })),
    expected: breaksAfterCommit(502, 'upstream_protocol'),
  },
  {
    name: 'duplicate',
    description: 'Role, finish, usage and [DONE] come twice each.',
    play: streamed(({ roles, deltas, finishes, usage, done }) => ({
      pieces: [...roles, ...roles, ...deltas, ...finishes, ...finishes, ...usage, ...usage, done, done],
      end: 'whole',
    })),
    expected: alwaysWhole,
  },
  {
    name: 'duplicate-delta',
    description:
      'Every delta comes twice, byte for byte; a relay cannot distinguish that from a text that repeats itself.',
    play: streamed((stream) => ({
      pieces: inOrder({ ...stream, deltas: stream.deltas.flatMap((delta) => [delta, delta]) }),
      end: 'whole',
    })),
    expected: alwaysWhole,
    says: (tokens) => tokens.flatMap((token) => [token, token]).join(''),
  },
  {
    name: 'out-of-order',
    description: 'Usage first, then the text, then the role; the second choice comes before the first.',
    asks: { n: 2 },
    play: streamed(({ roles, deltas, finishes, usage, done }) => ({
      pieces: [...usage, ...secondChoiceFirst(deltas), ...roles.toReversed(), ...finishes.toReversed(), done],
      end: 'whole',
    })),
    expected: alwaysWhole,
  },
  {
    name: 'unknown',
    description: 'Named events, ids, retry lines, comments, and fields that no specification knows.',
    play: streamed((stream) => {
      const extra = chunkOf(
        stream.answer,
        [
          {
            index: 0,
            delta: { content: '', mood: 'calm', audio: null },
            logprobs: null,
            finish_reason: null,
            stop_reason: null,
          },
        ],
        { service_tier: 'default', x_wall: { depth: [1, 2, 3] } },
      );
      return {
        pieces: [
          'retry: 1000\n\n',
          ': comment\n\n',
          ...stream.roles,
          frame(extra),
          'event: ping\ndata: {"type":"ping"}\n\n',
          ...stream.deltas.map((delta, index) => `id: ${index}\n${delta}`),
          'event: metrics\n\n',
          ...closing(stream),
        ],
        end: 'whole',
      };
    }),
    expected: alwaysWhole,
    outputs: () => ({ mood: 'calm' }),
  },
  {
    name: 'trailing-junk',
    description: 'Text, half an event and a comment after [DONE].',
    play: streamed((stream) => ({
      pieces: [
        ...inOrder(stream),
        deltaFrame(stream.answer, { content: ' junk' }),
        'junk without a field\n\n: bye\n\ndata: {"cho',
      ],
      end: 'whole',
    })),
    expected: alwaysWhole,
  },
];

/** Replaces the third delta by another event: after the commit. */
function replacesThirdDelta(replace: (stream: HealthyStream, third: string) => string): Play {
  return streamed((stream, _controls, ask) => {
    const third = stream.deltas[2];
    if (third === undefined) {
      const message = 'This fault takes the place of the third delta, and this answer has fewer than three.';
      return { param: fieldThatShortens(ask), message };
    }
    return {
      pieces: inOrder({ ...stream, deltas: stream.deltas.with(2, replace(stream, third)) }),
      end: 'whole',
    };
  });
}

/** The field that makes an answer so short; a healthy answer never is. */
function fieldThatShortens({ maxTokens, stop }: WallChatRequest): string {
  if (maxTokens !== undefined) return 'max_tokens';
  return stop.length > 0 ? 'stop' : 'messages';
}

/** Inserts frames after the first two deltas: after the commit. */
function afterTwo(deltas: readonly string[], frames: readonly string[]): readonly string[] {
  return [...deltas.slice(0, 2), ...frames, ...deltas.slice(2)];
}

/** All of the second choice, then all of the first; the order within each stays. */
function secondChoiceFirst(frames: readonly string[]): readonly string[] {
  const isSecond = (text: string): boolean => text.includes('"choices":[{"index":1,');
  return [...frames.filter(isSecond), ...frames.filter((text) => !isSecond(text))];
}
