import type { Fault } from '../fault.ts';
import { inOrder } from '../healthy-stream.ts';
import { eventStreamHeaders, head, streamHead } from '../http-bytes.ts';
import { alwaysWhole, breaksAfterCommit, failsBeforeCommit } from '../outcomes.ts';
import { streamed } from '../play-stream.ts';

const deltasBefore = { kind: 'count', default: 3, max: 1000, means: 'deltas before it' } as const;
const cut = breaksAfterCommit(502, 'upstream_cut');

/** Streams that end before they are whole. */
export const cuts: readonly Fault[] = [
  {
    name: 'cut-rst',
    description: 'A reset after some deltas.',
    parameter: deltasBefore,
    play: streamed(({ roles, deltas }, { count }) => ({
      pieces: [...roles, ...deltas.slice(0, count)],
      end: 'reset',
    })),
    expected: cut,
  },
  {
    name: 'cut-fin',
    description: 'FIN inside a chunk: its size announces more than comes.',
    parameter: deltasBefore,
    play: streamed(({ roles, deltas }, { count }) => {
      const torn = deltas[count] ?? '';
      const size = Buffer.byteLength(torn).toString(16);
      return {
        framing: 'raw',
        pieces: [
          ...[...roles, ...deltas.slice(0, count)].map(rawChunk),
          `${size}\r\n${torn.slice(0, torn.length >> 1)}`,
        ],
        end: 'fin',
      };
    }),
    expected: cut,
  },
  {
    name: 'cut-clean',
    description:
      'After some deltas the body ends in order, with its terminating chunk, but without a finish.',
    parameter: deltasBefore,
    play: streamed(({ roles, deltas }, { count }) => ({
      pieces: [...roles, ...deltas.slice(0, count)],
      end: 'whole',
    })),
    expected: cut,
  },
  {
    name: 'cut-event',
    description: 'The body ends in order, in the middle of an event.',
    parameter: deltasBefore,
    play: streamed(({ roles, deltas }, { count }) => {
      const torn = deltas[count] ?? '';
      return {
        pieces: [...roles, ...deltas.slice(0, count), torn.slice(0, torn.length - 20)],
        end: 'whole',
      };
    }),
    expected: cut,
  },
  {
    name: 'cut-character',
    description: 'The body ends in order, between two bytes of a UTF-8 character.',
    parameter: deltasBefore,
    play: streamed(({ roles, deltas }, { count }) => {
      const at = deltas.findIndex((delta, index) => index >= count && firstWideByte(delta) >= 0);
      const torn = deltas[at] ?? '';
      return {
        pieces: [...roles, ...deltas.slice(0, at), Buffer.from(torn).subarray(0, firstWideByte(torn) + 1)],
        end: 'whole',
      };
    }),
    expected: cut,
  },
  {
    name: 'chunked-bad-size',
    description: 'After some deltas, a chunk whose size is no number.',
    parameter: deltasBefore,
    play: streamed(({ roles, deltas }, { count }) => ({
      framing: 'raw',
      pieces: [...[...roles, ...deltas.slice(0, count)].map(rawChunk), `zz\r\n${deltas[count] ?? ''}\r\n`],
      end: 'fin',
    })),
    expected: breaksAfterCommit(502, 'upstream_protocol'),
  },
  {
    name: 'content-length-short',
    description: 'Content-Length ends the body in the middle of a delta; the rest is sent all the same.',
    parameter: deltasBefore,
    play: streamed((stream, { count }) => {
      const { roles, deltas } = stream;
      const before = Buffer.byteLength([...roles, ...deltas.slice(0, count)].join(''));
      const length = before + ((deltas[count] ?? '').length >> 1);
      return {
        head: head('200 OK', [...eventStreamHeaders, ['Content-Length', String(length)]]),
        framing: 'raw',
        pieces: inOrder(stream),
        end: 'fin',
      };
    }),
    expected: cut,
  },
  {
    name: 'content-length-long',
    description: 'Content-Length promises 1,000 bytes more than the whole stream has; then FIN.',
    play: streamed((stream) => {
      const length = Buffer.byteLength(inOrder(stream).join('')) + 1000;
      return {
        head: head('200 OK', [...eventStreamHeaders, ['Content-Length', String(length)]]),
        framing: 'raw',
        pieces: inOrder(stream),
        end: 'fin',
      };
    }),
    // Every finish and [DONE] have come: nothing of the answer is missing.
    expected: alwaysWhole,
  },
  {
    name: 'empty',
    description: 'The head of a stream and the end of its body, with nothing between them.',
    play: streamed(() => ({ head: streamHead(), pieces: [], end: 'whole' })),
    // No answer had begun, so this is no cut: a 200 that is no stream.
    expected: failsBeforeCommit(502, 'upstream_protocol'),
  },
];

function rawChunk(frame: string): string {
  return `${Buffer.byteLength(frame).toString(16)}\r\n${frame}\r\n`;
}

/** Index of the first byte of a character of several bytes; -1 where all are ASCII. */
function firstWideByte(text: string): number {
  return Buffer.from(text).findIndex((byte) => byte >= 0xc0);
}
