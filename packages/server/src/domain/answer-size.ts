import type { TokenLogprobWire } from '@tailrace/protocol';
import { type Failure, failure } from './failure.ts';
import type { JsonObject } from './json.ts';
import type { StreamEvent } from './stream-event.ts';

/**
 * The bound of an answer that does not stream, because it is held whole: UTF-16 units of all its choices together, texts
 * counted as they are escaped.
 */
export const maxWholeAnswer = 32 * 1024 * 1024;

/** What each held event counts in addition to its content, in the unit of {@link maxWholeAnswer}. */
export const eventSize = 128;

/** The size of an event's content, in the unit of {@link maxWholeAnswer}. */
export function sizeOf(event: StreamEvent): number {
  switch (event.type) {
    case 'text-delta':
      return event.json.length + (event.logprobs === undefined ? 0 : logprobsSize(event.logprobs));
    case 'reasoning-delta':
    case 'refusal-delta':
    case 'tool-call-delta':
      return event.json.length;
    case 'tool-call-start':
      return event.id.length + event.name.length + extraSize(event.extra);
    case 'other-delta':
      return event.field.length + event.value.length;
    case 'finish':
      return extraSize(event.extra);
    case 'start':
    case 'usage':
    case 'failed':
      return 0;
  }
}

/** The failure of an answer beyond {@link maxWholeAnswer}; it is permanent. */
export function wholeAnswerTooLarge(): Failure {
  const message = `The answer is larger than the ${maxWholeAnswer} characters held for one that does not stream. Ask for a stream.`;
  return failure('upstream_protocol', message, { permanent: true, detail: 'an answer too large to be held' });
}

function logprobsSize(logprobs: readonly TokenLogprobWire[]): number {
  let size = 0;
  for (const one of logprobs) {
    size += tokenSize(one);
    for (const other of one.top_logprobs) size += tokenSize(other);
  }
  return size;
}

function tokenSize({ token, bytes }: Pick<TokenLogprobWire, 'token' | 'bytes'>): number {
  // `{"token":"","logprob":-0.1234567890123,"bytes":[],"top_logprobs":[]},` and `104,` a byte.
  return 72 + token.length + 4 * (bytes?.length ?? 0);
}

function extraSize(extra: JsonObject | undefined): number {
  return extra === undefined ? 0 : JSON.stringify(extra).length;
}
