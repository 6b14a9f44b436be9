import { type Failure, fail, failure, ok, type Result } from '../../domain/failure.ts';
import { quoted } from '../../domain/query-parameters.ts';
import { parseCursor } from './cursor.ts';
import { parseOffset } from './offset.ts';

/** What a read of a stream asks for (sections 5.6 to 5.8 of the Durable Streams protocol). */
export interface DurableAsk {
  /** How many messages the client has; `now`: all that there are. */
  readonly offset: number | 'now';
  /** Undefined: what is there now. */
  readonly live: 'long-poll' | 'sse' | undefined;
  /** The last cursor that the client got. */
  readonly cursor: number | undefined;
}

/**
 * Reads a raw query; other parameters are ignored. Failures: `invalid_value` with `offset` or `live` as
 * `param`; `missing_parameter` for a live read without an `offset`.
 */
export function readDurableAsk(query: string): Result<DurableAsk> {
  const given = new URLSearchParams(query);
  const offsets = given.getAll('offset');
  const offset = offsets.length === 0 ? 0 : readOffset(offsets);
  if (offset === undefined) return fail(malformedOffset(offsets.join(', ')));
  const live = readLive(given.getAll('live'));
  if (!live.ok) return live;
  if (live.value !== undefined && offsets.length === 0) return fail(offsetMissing);
  return ok({ offset, live: live.value, cursor: parseCursor(given.get('cursor') ?? '') });
}

function readOffset([text = '', ...others]: readonly string[]): number | 'now' | undefined {
  if (others.length > 0) return undefined;
  if (text === 'now') return 'now';
  return text === '-1' ? 0 : parseOffset(text);
}

function readLive([mode, ...others]: readonly string[]): Result<DurableAsk['live']> {
  if (others.length === 0 && (mode === undefined || mode === 'long-poll' || mode === 'sse')) return ok(mode);
  const got = quoted([mode, ...others].join(', '));
  return fail(
    failure('invalid_value', `'live' must be 'long-poll' or 'sse', once, got ${got}.`, { param: 'live' }),
  );
}

function malformedOffset(got: string): Failure {
  const message = `'offset' must be '-1', 'now', or a 'Stream-Next-Offset' of this stream, once, got ${quoted(got)}.`;
  return failure('invalid_value', message, { param: 'offset' });
}

const offsetMissing = failure(
  'missing_parameter',
  "A live read needs an 'offset': '-1' for the beginning, 'now', or the last 'Stream-Next-Offset'.",
  { param: 'offset' },
);
