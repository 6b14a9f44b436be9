import { createHash } from 'node:crypto';
import type { ModelRights } from '../../access/model-rights.ts';
import type { Config } from '../../config/config.ts';
import { causeOf } from '../../domain/cause.ts';
import { messagesJson } from '../../domain/chat-json.ts';
import { writeExactly } from '../../domain/exact-json.ts';
import { type Failure, fail, failure, ok, type Result } from '../../domain/failure.ts';
import { nearest } from '../../domain/nearest.ts';
import type { Journal, StreamFacts, StreamWriter } from '../../journal/contract.ts';
import type { Meter } from '../../metering/meter.ts';
import type { OpenRecord } from '../../metering/open-record.ts';
import { readTags, tagsHeader } from '../../metering/tags.ts';
import { bugFailure } from '../../relay/relay-events.ts';
import type { Run } from '../../relay/run.ts';
import type { RunOutcome } from '../../relay/run-outcome.ts';
import type { RunRegistry } from '../../relay/run-registry.ts';
import { type RunDeps, startRun } from '../../relay/start-run.ts';
import type { Catalogue } from '../../routing/catalogue.ts';
import { answeredLast } from '../../routing/open-attempts.ts';
import type { Router } from '../../routing/router.ts';
import type { TimerQueue } from '../../timers/timer-queue.ts';
import type { Asked, Surface } from '../../wire/contract.ts';
import type { BodyShare } from '../body-budget.ts';
import { type ConnectionReader, createConnectionReader } from '../connection-reader.ts';
import type { Exchange, ExchangeNotes } from '../exchange.ts';
import { forgetHead } from '../forget-head.ts';
import { type KeptAsk, readKeptAsk, refuseWithoutStream } from '../kept-ask.ts';
import { type KeptStart, startKept } from '../kept-request.ts';
import { readToItsEnd, sendKept } from '../kept-stream.ts';
import type { LoadShed } from '../load-shed.ts';
import { rateLimitHeaders } from '../rate-limit-headers.ts';
import { type BodyIntake, readJson } from '../read-json.ts';
import { replyFailure } from '../reply.ts';
import type { Route } from '../route.ts';

/** A run whose client has left, for the log. */
export interface DetachedRun {
  readonly run: Pick<Run, 'id' | 'requestId' | 'keyId' | 'model' | 'createdAtMs'>;
  readonly outcome: RunOutcome;
  /** The outcome's part of the request's notes. */
  readonly notes: ExchangeNotes;
}

export interface CompletionRouteOptions {
  /** Called once for a run that has outlived the connection of its request. */
  onDetachedEnd(ended: DetachedRun): void;
  readonly journal: Journal;
  /** The address by which one stream can be read and cancelled without a key; undefined where none can be made now. */
  streamUrl(
    exchange: Exchange,
    run: { readonly id: string; readonly createdAtMs: number },
  ): string | undefined;
  readonly config: Pick<Config, 'server' | 'stream' | 'timeouts' | 'logging'>;
  readonly catalogue: Catalogue;
  readonly router: Router;
  readonly runs: RunRegistry;
  readonly bodies: BodyIntake;
  readonly shed: LoadShed;
  readonly meter: Meter;
  readonly timers: TimerQueue;
  /** True from the first SIGTERM on. */
  draining(): boolean;
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
    started = await start(share, exchange, surface, options, runDeps);
  } finally {
    // A run that has started holds the share and releases it.
    if (started?.ok !== true || started.value.type === 'attach') share.release();
  }
  if (!started.ok) return await refuse(exchange, started.failure, options.meter);
  if (started.value.type === 'run') {
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
  });
}

/** Every refusal carries what is left of the limits. */
async function refuse(exchange: Exchange, reason: Failure, meter: Meter): Promise<void> {
  if (!('x-ratelimit-limit-requests' in exchange.headers || 'x-ratelimit-limit-tokens' in exchange.headers)) {
    Object.assign(exchange.headers, rateLimitHeaders(await meter.look(exchange.principal)));
  }
  await replyFailure(exchange, reason);
}

type Started = Answering | Extract<KeptStart, { readonly type: 'attach' }>;

/** A run, and the connection that reads it. */
interface Answering {
  readonly type: 'run';
  readonly run: Run;
  readonly connection: ConnectionReader;
  /** Writes the messages for the log; undefined where the log has no content. */
  readonly prompt: (() => string) | undefined;
}

async function start(
  share: BodyShare,
  exchange: Exchange,
  surface: Surface,
  options: CompletionRouteOptions,
  runDeps: RunDeps,
): Promise<Result<Started>> {
  const { config, bodies, journal } = options;
  const { principal, requestId } = exchange;
  const ask = readKeptAsk(exchange.request.headersDistinct);
  if (!ask.ok) return ask;
  const hash = ask.value.idempotencyKey === undefined ? undefined : createHash('sha256');
  // A repeated request may attach to a run that has started.
  const refused = hash === undefined ? refuseNow(options) : undefined;
  if (refused !== undefined) return fail(refused);

  const body = await readJson(exchange, config.server.maxBodyBytes, bodies, share, surface.members, hash);
  if (!body.ok) return body;
  const asked = surface.decode(body.value, exchange.request.headersDistinct, principal);
  if (!asked.ok) return asked;
  const { request } = asked.value;
  // May be any text of the client: enough of it to find the mistake.
  exchange.notes.model = request.model.slice(0, 128);
  exchange.notes.stream = request.stream;
  const unkept = request.stream ? undefined : refuseWithoutStream(ask.value);
  if (unkept !== undefined) return fail(unkept);

  const facts = {
    ...{ id: surface.newId(), requestId, keyId: principal.keyId, surface: surface.name },
    ...{ model: request.model, stream: request.stream, createdAtMs: runDeps.clock() },
  };
  const kept = await startKept(journal, {
    ask: ask.value,
    fingerprint: hash?.digest('base64url'),
    facts,
    // While the body arrived, a drain may have begun or the last place may have been taken.
    refuseRun: () => refuseNow(options),
  });
  if (!kept.ok) return kept;
  if (kept.value.type === 'attach') return ok(kept.value);
  const { writer } = kept.value;
  try {
    const started = await startNew(
      { share, exchange, surface, asked: asked.value, facts, writer, ask: ask.value },
      options,
      runDeps,
    );
    if (!started.ok) writer?.discard(started.failure);
    return started;
  } catch (bug) {
    // Otherwise all who send the same request would wait for ever.
    writer?.discard(bugFailure(bug));
    throw bug;
  }
}

/** A decoded request for a new run. */
interface NewRun {
  readonly share: BodyShare;
  readonly exchange: Exchange;
  readonly surface: Surface;
  readonly asked: Asked;
  readonly facts: StreamFacts;
  /** Takes the payloads of a stream that is kept. */
  readonly writer: StreamWriter | undefined;
  readonly ask: KeptAsk;
}

async function startNew(
  { share, exchange, surface, asked, facts, writer, ask }: NewRun,
  options: CompletionRouteOptions,
  runDeps: RunDeps,
): Promise<Result<Answering>> {
  const { config, catalogue, router, meter, timers, runs } = options;
  const { principal, requestId } = exchange;
  const { models: rights, keyId } = principal;
  const { request } = asked;
  const { id } = facts;
  const tags = readTags(exchange.request.headersDistinct[tagsHeader]);
  if (!tags.ok) return tags;

  const model = catalogue.find(request.model);
  if (model === undefined) return fail(unknownModel(request.model, catalogue, rights));
  const notAllowed = rights.refuse(model, request.model);
  if (notAllowed !== undefined) return fail(notAllowed);
  const plan = router.plan(model, asked, rights);
  if (!plan.ok) return plan;

  const asking = {
    id,
    requestId,
    payer: principal,
    modelId: model.id,
    request,
    plan: plan.value,
    tags: tags.value,
  };
  const giveBack = runs.reserve();
  let metered: Awaited<ReturnType<Meter['admit']>>;
  try {
    metered = await meter.admit(asking);
  } finally {
    // Nothing waits from here to the start of the run, which takes its own place.
    giveBack();
  }
  if (metered.windows !== undefined) Object.assign(exchange.headers, rateLimitHeaders(metered.windows));
  if (!metered.ok) return metered;
  const { plan: admitted, promptTokens, record } = metered.value;
  let run: Run | undefined;
  try {
    run = startRun(runDeps, {
      id,
      surface,
      asked,
      requestId,
      keyId,
      kept: writer === undefined ? undefined : { writer, graceMs: config.stream.graceMs },
      totalMs: model.timeouts.totalMs,
      keepContent: config.logging.content,
      onEnded: settles(share, record),
      open: (signal) =>
        record.watch(
          router.open(
            admitted,
            { request, keyId, completionId: id },
            promptTokens,
            signal,
            committed(record),
          ),
        ),
    });
  } finally {
    if (run === undefined) record.cancel();
  }
  Object.assign(
    exchange.headers,
    writer === undefined ? { [completionIdHeader]: id } : keptHeaders(exchange, facts, options),
  );
  const framing = request.stream ? surface.framing : undefined;
  const form = ask.resumable ? { framing, idsAfter: 0 } : { framing };
  return ok({
    type: 'run',
    run,
    connection: createConnectionReader(exchange, form, config.stream, timers),
    prompt: config.logging.content ? () => writeExactly(messagesJson(request.messages)) : undefined,
  });
}

/** Made here, because a function of {@link start} that the run keeps would keep all variables of `start`, and so the request. */
function settles(share: BodyShare, record: OpenRecord): (outcome: RunOutcome) => undefined {
  return (outcome) => {
    share.release();
    record.settle(outcome);
    return undefined;
  };
}

function committed(record: OpenRecord): () => void {
  return () => record.committed();
}

/** Attaches the connection to its run, until both have ended, or until the connection has left a run that outlives it. */
async function answerWithRun(
  exchange: Exchange,
  { run, connection, prompt }: Answering,
  { onDetachedEnd }: CompletionRouteOptions,
): Promise<void> {
  const end = await readToItsEnd(exchange, run.attach(connection.reader));
  if (end === 'gone' && run.lifetime === 'grace') {
    exchange.notes.outcome = 'detached';
    void run.outcome.then((outcome) => onDetachedEnd({ run, outcome, notes: notesOf(outcome, prompt) }));
    await connection.close({});
    return;
  }
  const outcome = await run.outcome;
  Object.assign(exchange.notes, notesOf(outcome, prompt));
  await connection.close(outcome);
}

const completionIdHeader = 'tailrace-completion-id';

/** The headers by which a client finds its kept stream again. */
function keptHeaders(exchange: Exchange, facts: StreamFacts, { streamUrl }: CompletionRouteOptions) {
  const url = facts.stream ? streamUrl(exchange, facts) : undefined;
  return { [completionIdHeader]: facts.id, ...(url === undefined ? {} : { 'tailrace-stream-url': url }) };
}

function refuseNow({ draining, runs, config, shed }: CompletionRouteOptions): Failure | undefined {
  if (draining()) {
    return failure('draining', 'This server is shutting down and takes no new requests.', {
      retryAfterMs: 5_000,
    });
  }
  const { maxStreams } = config.server;
  if (runs.size < maxStreams) return shed.refusal();
  return failure('overloaded', `All ${maxStreams} places of this server are taken.`, { retryAfterMs: 1_000 });
}

/** The most characters of an unknown id that its failure repeats. */
const maxShownId = 128;

function unknownModel(id: string, catalogue: Catalogue, rights: ModelRights): Failure {
  const names = catalogue.names().flatMap(({ name, model }) => (rights.allows(model) ? [name] : []));
  const meant = nearest(id, names);
  const hint =
    names.length === 0
      ? 'There is none for this key: see docs/configuration.md.'
      : `${meant === undefined ? '' : `Did you mean '${meant}'? `}GET /v1/models lists those there are.`;
  const shown = id.length <= maxShownId ? id : `${id.slice(0, maxShownId).toWellFormed()}…`;
  return failure('model_not_found', `There is no model '${shown}' here. ${hint}`, { param: 'model' });
}

function notesOf(
  { status, target, ttftMs, failure: reason, usage, attempts, content }: RunOutcome,
  prompt: (() => string) | undefined,
): ExchangeNotes {
  const notes: ExchangeNotes = {
    outcome: status,
    attempts: attempts.length,
    target: answeredLast(attempts)?.target ?? target,
  };
  if (ttftMs !== undefined) notes.ttftMs = ttftMs;
  if (reason !== undefined) {
    notes.code = reason.code;
    Object.assign(notes, causeOf(reason));
  }
  if (usage !== undefined) {
    notes.promptTokens = usage.promptTokens;
    notes.completionTokens = usage.completionTokens;
  }
  if (prompt !== undefined && content !== undefined) notes.content = { prompt: prompt(), answer: content };
  return notes;
}
