import { type Failure, failure } from '../domain/failure.ts';
import { eventsGone } from '../journal/broken-streams.ts';
import type { StreamView } from '../journal/contract.ts';
import { type FollowEnd, followStream } from '../relay/follower.ts';
import type { Attachment } from '../relay/run.ts';
import type { Surface } from '../wire/contract.ts';
import { awaitEvent } from './await-event.ts';
import { createConnectionReader, type ReaderSurroundings } from './connection-reader.ts';
import type { Exchange } from './exchange.ts';
import { neverWritten } from './kept-ask.ts';
import { replyFailure } from './reply.ts';

/** Where a connection begins to read a kept stream. */
export interface Position {
  /** The number of the last event that the client has. */
  readonly after: number;
  /** The header or parameter that said so. */
  readonly param: string;
  /** Whether the events have `id:` lines. */
  readonly ids: boolean;
}

/**
 * Answers with a kept stream in its surface's own form, from a position on to its end, or with its one body. It resolves when
 * the connection has everything, or has left. An ended stream of which nothing is left is 204: this stops an `EventSource`.
 * A reader may wait here for long: each function that waits in its place would hold some 400 bytes.
 */
export async function sendKept(
  exchange: Exchange,
  view: StreamView,
  surface: Surface,
  position: Position,
  parts: ReaderSurroundings,
): Promise<void> {
  if (position.after > view.last) await awaitEvent(view, position.after, parts.timers);
  return send(exchange, view, surface, position, parts);
}

function send(
  exchange: Exchange,
  view: StreamView,
  surface: Surface,
  position: Position,
  parts: ReaderSurroundings,
): Promise<void> {
  const { facts } = view;
  const { after, ids } = position;
  exchange.notes.model = facts.model.slice(0, 128);
  exchange.notes.stream = facts.stream;
  exchange.headers[completionIdHeader] = facts.id;
  if (facts.traceparent !== undefined) exchange.span?.link(facts.traceparent);
  const refused = refusePosition(view, position);
  if (refused !== undefined) return replyFailure(exchange, refused);
  const hasEverything = after > 0 && after === view.last && view.ending !== undefined;
  if (hasEverything) return Promise.resolve(endWithoutBody(exchange));
  if (exchange.request.method === 'HEAD') return sendHeadOnly(exchange, view, surface);
  const framing = facts.stream ? surface.framing : undefined;
  const form = ids ? { framing, idsAfter: after } : { framing };
  const connection = createConnectionReader(exchange, form, parts);
  const errorEvent = (reason: Failure) => surface.errorEvent(reason, facts.requestId);
  const followed = followStream(view, connection.reader, { after, own: false, errorEvent });
  return readToItsEnd(exchange, followed).then((end) => {
    noteEnd(exchange, view, end);
    return connection.close({});
  });
}

/** On the head of each answer that is a completion, or continues one. */
export const completionIdHeader = 'tailrace-completion-id';

/** Waits until an attached connection gets nothing more; it is detached when it closes. */
export async function readToItsEnd<End>(
  { response }: Exchange,
  attachment: Attachment & { readonly ended: Promise<End> },
): Promise<End> {
  response.once('close', attachment.detach);
  if (response.destroyed) attachment.detach();
  try {
    return await attachment.ended;
  } finally {
    response.off('close', attachment.detach);
  }
}

/** Why a client cannot read from this position on; undefined where it can. */
export function refusePosition(view: StreamView, { after, param }: Pick<Position, 'after' | 'param'>) {
  if (after > view.last) return neverWritten(param, after, view.last);
  if (view.facts.stream && after + 1 < view.first) return eventsGone(view.first);
  return undefined;
}

/** The same for a stream that never was, is not kept any more, or belongs to another key: no client learns which. */
export function completionNotFound(id: string): Failure {
  const shown = id.length <= 128 ? id : `${id.slice(0, 128).toWellFormed()}…`;
  return failure(
    'completion_not_found',
    `No stream '${shown}' is kept for this key. It was begun without 'Tailrace-Resumable: true' or with another key, or its ` +
      'time is over.',
  );
}

function endWithoutBody({ response, headers, notes }: Exchange): void {
  notes.outcome = 'completed';
  response.writeHead(204, headers).end();
}

/** The head that a `GET` would get now: that of a failure where the request failed before any output. */
async function sendHeadOnly(
  exchange: Exchange,
  { ending, head }: StreamView,
  { framing }: Surface,
): Promise<void> {
  if (ending?.type === 'torn' && head === undefined) return await replyFailure(exchange, ending.failure);
  const { response, headers, notes } = exchange;
  notes.outcome = 'completed';
  response.writeHead(200, { ...headers, 'content-type': framing.contentType }).end();
}

/** What the log says of the reader. A failure that was answered as a status has noted itself already. */
function noteEnd({ notes }: Exchange, { head }: StreamView, end: FollowEnd): void {
  if (end === 'whole' || end === 'gone') {
    notes.outcome = end === 'whole' ? 'completed' : 'abandoned';
    return;
  }
  notes.code = end.code;
  if (end.code === 'completion_cancelled') notes.outcome = 'cancelled';
  else notes.outcome ??= head === undefined ? 'failed' : 'cut';
}
