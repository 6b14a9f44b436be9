import type { StreamView } from '../../journal/contract.ts';
import type { AnswerHeaders } from '../exchange.ts';
import { tailOf } from './messages.ts';
import { formatOffset } from './offset.ts';

/**
 * On every answer at the address of a stream (section 12.7 of the protocol). `same-origin` keeps pages of other origins from
 * embedding it; those that CORS allows read it all the same, because CORS does not ask this header.
 */
export const securityHeaders: AnswerHeaders = {
  'x-content-type-options': 'nosniff',
  'cross-origin-resource-policy': 'same-origin',
};

export const jsonType = 'application/json';
export const eventStreamType = 'text/event-stream';

/** A cache of the client's own may keep it, and asks before each use. */
export const cachedByClient = 'private, no-cache';
export const notCached = 'no-store';

/** What a client has of a stream that has everything up to message `last`. */
export interface ReadState {
  readonly nextOffset: string;
  /** It has all messages that there are. */
  readonly upToDate: boolean;
  /** It has all messages that there will be. */
  readonly closed: boolean;
}

export function stateAt(view: StreamView, last: number): ReadState {
  const upToDate = last === tailOf(view);
  return {
    nextOffset: formatOffset(last),
    upToDate,
    closed: upToDate && view.ending !== undefined,
  };
}

export function stateHeaders({ nextOffset, upToDate, closed }: ReadState): AnswerHeaders {
  return {
    'stream-next-offset': nextOffset,
    ...(upToDate ? { 'stream-up-to-date': 'true' } : {}),
    ...(closed ? { 'stream-closed': 'true' } : {}),
  };
}

/**
 * The entity tag of the messages from one offset to another. Closing changes it, so that no client takes an answer from before
 * for the end. So does more that has come behind a full piece: else a cache would go on saying that the piece is all there is.
 */
export function entityTag(id: string, after: number, { nextOffset, upToDate, closed }: ReadState): string {
  const state = closed ? ':c' : upToDate ? '' : ':p';
  return `"${id}:${formatOffset(after)}:${nextOffset}${state}"`;
}
