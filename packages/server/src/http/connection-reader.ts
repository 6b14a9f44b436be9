import { performance } from 'node:perf_hooks';
import type { StreamConfig } from '../config/config.ts';
import { causeOfBug } from '../domain/cause.ts';
import type { Failure } from '../domain/failure.ts';
import type { Head, Reader } from '../relay/reader.ts';
import type { RunOutcome } from '../relay/run-outcome.ts';
import type { AnswerForm } from '../wire/contract.ts';
import type { Exchange } from './exchange.ts';
import { createJsonReader } from './json-reader.ts';
import { replyFailure, replyJson } from './reply.ts';
import { createSseReader } from './sse-reader.ts';

/** The connection of one request as the reader of its run. */
export interface ConnectionReader {
  readonly reader: Reader;
  /** Once the run has ended: resolves when the connection has all of its answer, or is closed. */
  close(outcome: RunOutcome): Promise<void>;
}

/** `form`: of an answer that streams; undefined where it is one body. */
export function createConnectionReader(
  exchange: Exchange,
  form: AnswerForm | undefined,
  settings: StreamConfig,
): ConnectionReader {
  let reply = Promise.resolve();
  const refuse = (reason: Failure) => {
    reply = replyFailure(exchange, reason);
    // `close` waits for it, and may come later than a bug in it.
    reply.catch(() => {});
  };
  const close = async (outcome: RunOutcome) => {
    await reply;
    await leaveNothingOpen(exchange, outcome);
  };
  if (form === undefined) {
    const answer = ({ target }: Head, body: string) => {
      for (const [name, value] of Object.entries(targetHeaders(target)))
        exchange.response.setHeader(name, value);
      reply = replyJson(exchange, 200, body);
      reply.catch(() => {});
    };
    return { reader: createJsonReader({ answer, refuse }), close };
  }
  const { response, clientWriteMs } = exchange;
  const onBug = (error: unknown) => {
    exchange.notes.code = 'internal_error';
    Object.assign(exchange.notes, causeOfBug(error));
  };
  const reader = createSseReader({
    response,
    form,
    settings,
    clientWriteMs,
    targetHeaders,
    refuse,
    onBug,
    now,
  });
  return { reader, close };
}

const now = () => performance.now();

/** Where a bug kept the reader from its end: a client that is still there must not wait, nor take what it has for whole. */
async function leaveNothingOpen(exchange: Exchange, { failure: reason }: RunOutcome): Promise<void> {
  const { response } = exchange;
  if (response.writableEnded || response.destroyed) return;
  if (response.headersSent || reason === undefined) response.socket?.resetAndDestroy();
  else await replyFailure(exchange, reason);
}

function targetHeaders(target: string | undefined): Record<string, string> {
  // Names come from the configuration and may be any text; a header may not.
  return target === undefined ? {} : { 'tailrace-target': target.replace(/[^\x21-\x7e]/g, '?') };
}
