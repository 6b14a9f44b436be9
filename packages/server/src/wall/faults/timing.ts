import type { Fault } from '../fault.ts';
import { closing, deltaFrame, type HealthyStream } from '../healthy-stream.ts';
import { errorAnswer } from '../http-bytes.ts';
import { alwaysWhole, breaksAfterCommit, errorEvent, failsBeforeCommit, httpError } from '../outcomes.ts';
import { answered, forEverMs, playHealthy, streamed } from '../play-stream.ts';

const eventsBefore = { kind: 'count', default: 3, max: 1000, means: 'deltas before it' } as const;
const commentEveryMs = 200;

/** Faults of connections and clocks. */
export const timing: readonly Fault[] = [
  {
    name: 'healthy',
    description: 'No fault: a text that depends on the messages alone, with usage.',
    play: playHealthy,
    expected: alwaysWhole,
  },
  {
    name: 'refuse',
    description: 'The connection is refused: at the closed port that the wall names, for any model.',
    closedPort: true,
    // Here the connection is accepted already, and can no longer be refused.
    play: (connection) =>
      answered(
        connection,
        errorAnswer(
          '400 Bad Request',
          'invalid_request_error',
          null,
          'A connection that stands cannot be refused: use the port in "refuse_port" of GET /wall/stats.',
        ),
      ),
    expected: failsBeforeCommit(502, 'upstream_refused'),
  },
  {
    name: 'reset',
    description: 'The request is read, then the connection is reset without an answer.',
    play: (connection) => {
      connection.reset();
      return 'close';
    },
    expected: failsBeforeCommit(502, 'upstream_refused'),
  },
  {
    name: 'hang',
    description: 'The request is read and never answered.',
    play: (_connection, _ask, { wait }) => wait(forEverMs).then(() => 'close'),
    expected: failsBeforeCommit(504, 'first_token_timeout'),
  },
  {
    name: 'slow-first-token',
    description: 'A healthy answer that begins late.',
    parameter: { kind: 'duration', default: '500ms', means: 'how late' },
    play: async (connection, ask, controls) => {
      if (!(await controls.wait(controls.durationMs))) return 'close';
      return playHealthy(connection, ask, controls);
    },
    expected: alwaysWhole,
  },
  {
    name: 'comments-only',
    description: 'The head of a stream, then comments for ever.',
    play: async (connection, ask, controls) => {
      const opened = streamed(() => ({ pieces: [': still here\n\n'], end: 'hang' }));
      const sendComments = async (): Promise<void> => {
        while (await controls.wait(commentEveryMs)) await connection.write('e\r\n: still here\n\n\r\n');
      };
      if (!ask.stream) return opened(connection, ask, controls);
      const [after] = await Promise.all([opened(connection, ask, controls), sendComments()]);
      return after;
    },
    expected: failsBeforeCommit(504, 'first_token_timeout'),
  },
  {
    name: 'stall',
    description: 'Silence after some deltas, with the connection left open.',
    parameter: eventsBefore,
    play: streamed(({ roles, deltas }, { count }) => ({
      pieces: [...roles, ...deltas.slice(0, count)],
      end: 'hang',
    })),
    expected: breaksAfterCommit(504, 'stall_timeout'),
  },
  {
    name: 'endless',
    description: 'Deltas for ever, one every 10 ms.',
    play: streamed(({ answer, roles }) => ({
      pieces: endless(roles, deltaFrame(answer, { content: ' and' })),
      everyMs: 10,
      end: 'hang',
    })),
    // The deadline belongs to the request: another target gets no further time.
    expected: {
      one: { streaming: errorEvent('deadline_exceeded'), collected: httpError(504, 'deadline_exceeded') },
      second: { streaming: errorEvent('deadline_exceeded'), collected: httpError(504, 'deadline_exceeded') },
      takeover: {
        streaming: errorEvent('deadline_exceeded'),
        collected: httpError(504, 'deadline_exceeded'),
      },
    },
    says: () => ' and'.repeat(100_000),
  },
  {
    name: 'too-fast',
    description: 'A healthy stream with many more deltas, as fast as the socket takes them.',
    parameter: { kind: 'count', default: 100_000, max: 10_000_000, means: 'deltas' },
    play: streamed((stream, { count }) => ({
      pieces: piecesOfMany(stream, count),
      everyMs: 0,
      end: 'whole',
    })),
    expected: alwaysWhole,
    says: (tokens) => [...repeated(tokens, 100_000)].join(''),
  },
];

function* endless(first: readonly string[], frame: string): Generator<string> {
  yield* first;
  for (;;) yield frame;
}

/** A generator: a list of ten million pieces for each request would exhaust the wall's memory. */
function* piecesOfMany(stream: HealthyStream, count: number): Generator<string> {
  yield* stream.roles;
  yield* repeated(stream.deltas, count);
  yield* closing(stream);
}

function* repeated(items: readonly string[], count: number): Generator<string> {
  for (let index = 0; index < count; index += 1) yield items[index % items.length] ?? '';
}
