import { mayUseStream } from '../../access/principal.ts';
import type { Result } from '../../domain/failure.ts';
import type { Journal, StreamView } from '../../journal/contract.ts';
import type { CancelOrder } from '../../peers/contract.ts';
import type { Instruments } from '../../telemetry/contract.ts';
import { awaitEvent } from '../await-event.ts';
import { securityHeaders } from '../durable-streams/answer-headers.ts';
import { refuseOffset, tailOf } from '../durable-streams/messages.ts';
import { readDurableAsk } from '../durable-streams/read-ask.ts';
import { sendMessages } from '../durable-streams/send-messages.ts';
import { type SseDeps, sendSse } from '../durable-streams/send-sse.ts';
import { sendTail } from '../durable-streams/send-tail.ts';
import type { Exchange } from '../exchange.ts';
import { findKeptStream } from '../find-kept-stream.ts';
import { replyFailure } from '../reply.ts';
import type { Route } from '../route.ts';

export interface DurableStreamOptions extends SseDeps {
  readonly journal: Pick<Journal, 'find' | 'drop'>;
  readonly instruments: Pick<Instruments, 'resumes'>;
  /** Cancels a completion wherever it runs; resolves when it has ended. Never rejects. */
  cancel(order: CancelOrder): Promise<Result<unknown>>;
}

const path = '/v1/streams/{id}';

/**
 * `GET`, `HEAD` and `DELETE` of `/v1/streams/{id}`: a kept stream as the read half of the Durable Streams protocol 1.0 reads it
 * (section 6 of the wire contract), in the JSON mode of the protocol. A method that writes is 405.
 */
export function durableStreamRoutes(options: DurableStreamOptions): readonly Route[] {
  return [
    { method: 'GET', path, access: 'stream', handle: (exchange) => read(exchange, options) },
    { method: 'DELETE', path, access: 'stream', handle: (exchange) => remove(exchange, options) },
  ];
}

async function read(exchange: Exchange, options: DurableStreamOptions): Promise<void> {
  const found = await find(exchange, options);
  if (!found.ok) return await replyFailure(exchange, found.failure);
  const view = found.value;
  if (exchange.request.method === 'HEAD') return await sendTail(exchange, view);
  const asked = readDurableAsk(exchange.query);
  if (!asked.ok) return await replyFailure(exchange, asked.failure);
  const ask = asked.value;
  if (ask.offset === 'now' && ask.live === undefined) return await sendTail(exchange, view);
  const after = ask.offset === 'now' ? tailOf(view) : ask.offset;
  if (after > tailOf(view)) await awaitEvent(view, after, options.timers);
  const refused = refuseOffset(view, after);
  if (refused !== undefined) return await replyFailure(exchange, refused);
  // A reader that polls comes back all the time.
  if (ask.live !== 'long-poll') options.instruments.resumes.of('stream').add(1);
  if (ask.live === 'sse') await sendSse(exchange, view, after, ask.cursor, options);
  else await sendMessages(exchange, view, after, ask, options);
}

/** A stream that runs is cancelled, and kept for its retention with that ending; one that has ended is gone. */
async function remove(exchange: Exchange, options: DurableStreamOptions): Promise<void> {
  const found = await find(exchange, options);
  if (!found.ok) return await replyFailure(exchange, found.failure);
  const { ending, facts } = found.value;
  if (ending === undefined) {
    const cancelled = await options.cancel({ id: facts.id, keyId: facts.keyId });
    if (!cancelled.ok) return await replyFailure(exchange, cancelled.failure);
  } else {
    await options.journal.drop(facts.id);
  }
  exchange.response.writeHead(204, exchange.headers).end();
}

/** The stream of the path, with what the log says of it. */
async function find(exchange: Exchange, { journal }: DurableStreamOptions): Promise<Result<StreamView>> {
  const { id, principal, headers, notes } = exchange;
  Object.assign(headers, securityHeaders);
  const found = await findKeptStream(journal, id, (facts) => mayUseStream(principal, facts));
  if (found.ok) {
    const { model, traceparent } = found.value.facts;
    notes.model = model.slice(0, 128);
    if (traceparent !== undefined) exchange.span?.link(traceparent);
  }
  return found;
}
