import type { Failure, Result } from '../../domain/failure.ts';
import type { StreamFacts } from '../../journal/contract.ts';
import type { Meter } from '../../metering/meter.ts';
import type { Run } from '../../relay/run.ts';
import type { RunOutcome } from '../../relay/run-outcome.ts';
import type { RunDeps } from '../../relay/start-run.ts';
import type { Surface } from '../../wire/contract.ts';
import type { Exchange, ExchangeNotes } from '../exchange.ts';
import { forgetHead } from '../forget-head.ts';
import { completionIdHeader, readToItsEnd, sendKept } from '../kept-stream.ts';
import { rateLimitHeaders } from '../rate-limit-headers.ts';
import { replyFailure } from '../reply.ts';
import { traceIdsOf } from '../request-span.ts';
import type { Route } from '../route.ts';
import { notesOfRun } from '../run-notes.ts';
import { type Answering, type Started, type StartOptions, startCompletion } from '../start-completion.ts';

/** A run whose client has left, for the log. */
export interface DetachedRun {
  readonly run: Pick<Run, 'id' | 'requestId' | 'keyId' | 'model' | 'createdAtMs'>;
  readonly outcome: RunOutcome;
  /** The outcome's part of the request's notes. */
  readonly notes: ExchangeNotes;
  /** Of the principal who began it. */
  readonly logContent: boolean | undefined;
}

export interface CompletionRouteOptions extends StartOptions {
  /** Called once for a run that has outlived the connection of its request. */
  onDetachedEnd(ended: DetachedRun): void;
  /** The address by which one stream can be read and cancelled without a key; undefined where none can be made now. */
  streamUrl(exchange: Exchange, facts: StreamFacts): string | undefined;
}

/** The route of one surface: it decodes a request, starts its run and attaches the connection to it. */
export function completionRoute(surface: Surface, options: CompletionRouteOptions): Route {
  const runDeps = { runs: options.runs, timers: options.timers, clock: Date.now };
  return {
    method: 'POST',
    path: surface.path,
    access: 'key',
    surface,
    handle: (exchange) => complete(exchange, surface, options, runDeps),
  };
}

/** Where this waits for the end of a stream, it holds nothing of the request. */
async function complete(
  exchange: Exchange,
  surface: Surface,
  options: CompletionRouteOptions,
  runDeps: RunDeps,
): Promise<void> {
  const share = options.bodies.held.open(exchange.principal.keyId);
  let started: Result<Started> | undefined;
  try {
    started = await startCompletion(share, exchange, surface, options, runDeps);
  } finally {
    // A run that has started holds the share and releases it.
    if (started?.ok !== true || started.value.type === 'attach') share.release();
  }
  if (!started.ok) return await refuse(exchange, started.failure, options.meter);
  if (started.value.type === 'run') {
    const { facts, isKept } = started.value;
    Object.assign(
      exchange.headers,
      isKept ? keptHeaders(exchange, facts, options) : { [completionIdHeader]: facts.id },
    );
    forgetHead(exchange.request);
    return await answerWithRun(exchange, started.value, options);
  }
  const { view, position } = started.value;
  Object.assign(
    exchange.headers,
    rateLimitHeaders(await options.meter.look(exchange.principal)),
    keptHeaders(exchange, view.facts, options),
    { 'idempotent-replayed': 'true' },
  );
  forgetHead(exchange.request);
  return sendKept(exchange, view, surface, position, {
    settings: options.config.stream,
    timers: options.timers,
    instruments: options.instruments,
  });
}

/** Every refusal carries what is left of the limits. */
async function refuse(exchange: Exchange, reason: Failure, meter: Meter): Promise<void> {
  if (!('x-ratelimit-limit-requests' in exchange.headers || 'x-ratelimit-limit-tokens' in exchange.headers)) {
    Object.assign(exchange.headers, rateLimitHeaders(await meter.look(exchange.principal)));
  }
  await replyFailure(exchange, reason);
}

/** Attaches the connection to its run, until both have ended, or until the connection has left a run that outlives it. */
async function answerWithRun(
  exchange: Exchange,
  { run, connection }: Answering,
  { onDetachedEnd }: CompletionRouteOptions,
): Promise<void> {
  const end = await readToItsEnd(exchange, run.attach(connection.reader));
  if (end === 'gone' && run.lifetime === 'grace') {
    exchange.notes.outcome = 'detached';
    const traceIds = traceIdsOf(exchange.span);
    const { logContent } = exchange.principal;
    void run.outcome.then((outcome) =>
      onDetachedEnd({ run, outcome, notes: { ...traceIds, ...notesOfRun(outcome) }, logContent }),
    );
    await connection.close({});
    return;
  }
  const outcome = await run.outcome;
  Object.assign(exchange.notes, notesOfRun(outcome));
  await connection.close(outcome);
}

/** The headers by which a client finds its kept stream again. */
function keptHeaders(exchange: Exchange, facts: StreamFacts, { streamUrl }: CompletionRouteOptions) {
  const url = facts.stream ? streamUrl(exchange, facts) : undefined;
  return { [completionIdHeader]: facts.id, ...(url === undefined ? {} : { 'tailrace-stream-url': url }) };
}
