import { createHash } from 'node:crypto';
import type { Config } from '../config/config.ts';
import { bugFailure } from '../domain/bug-failure.ts';
import type { ChatRequest } from '../domain/chat-request.ts';
import { type Failure, fail, failure, ok, type Result } from '../domain/failure.ts';
import type { Journal, StreamFacts, StreamWriter } from '../journal/contract.ts';
import type { Meter } from '../metering/meter.ts';
import type { OpenRecord } from '../metering/open-record.ts';
import { type ContentKeeper, keepsContent, keptMessages } from '../metering/request-content.ts';
import { readTags, tagsHeader } from '../metering/tags.ts';
import type { Run } from '../relay/run.ts';
import type { RunOutcome } from '../relay/run-outcome.ts';
import type { RunRegistry } from '../relay/run-registry.ts';
import { type RunDeps, startRun } from '../relay/start-run.ts';
import type { Catalogue } from '../routing/catalogue.ts';
import type { Router } from '../routing/router.ts';
import type { Instruments } from '../telemetry/contract.ts';
import type { TimerQueue } from '../timers/timer-queue.ts';
import type { Asked, Surface } from '../wire/contract.ts';
import { AddedTime } from './added-time.ts';
import type { BodyShare } from './body-budget.ts';
import { type ConnectionReader, createConnectionReader } from './connection-reader.ts';
import type { Exchange } from './exchange.ts';
import { readKeptAsk, refuseWithoutStream } from './kept-ask.ts';
import { type KeptStart, startKept } from './kept-request.ts';
import type { LoadShed } from './load-shed.ts';
import type { Places } from './places.ts';
import { rateLimitHeaders } from './rate-limit-headers.ts';
import { type BodyIntake, readJson } from './read-json.ts';
import { unknownModel } from './unknown-model.ts';
import type { UnlistedModels } from './unlisted-models.ts';

export interface StartOptions {
  readonly journal: Journal;
  readonly config: Pick<Config, 'server' | 'stream' | 'timeouts' | 'logging' | 'models'>;
  readonly contents: ContentKeeper;
  readonly catalogue: Catalogue;
  readonly router: Router;
  readonly unlisted: UnlistedModels | undefined;
  readonly runs: RunRegistry;
  readonly bodies: BodyIntake;
  readonly shed: LoadShed;
  readonly places: Places;
  readonly meter: Meter;
  readonly timers: TimerQueue;
  readonly instruments: Pick<Instruments, 'gapMs' | 'addedUs' | 'resumes'>;
  /** True from the first SIGTERM on. */
  draining(): boolean;
}

export type Started = Answering | Extract<KeptStart, { readonly type: 'attach' }>;

/** A run, and the connection that reads it. */
export interface Answering {
  readonly type: 'run';
  readonly run: Run;
  readonly facts: StreamFacts;
  /** Whether its payloads are kept for readers that come back. */
  readonly isKept: boolean;
  readonly connection: ConnectionReader;
}

/**
 * Reads a request and starts its run, or finds the kept stream that the same request has begun before. A run that has started
 * releases the share; else the caller does.
 */
export async function startCompletion(
  share: BodyShare,
  exchange: Exchange,
  surface: Surface,
  options: StartOptions,
  runDeps: RunDeps,
): Promise<Result<Started>> {
  const { config, bodies, journal } = options;
  const { principal, requestId } = exchange;
  const ask = readKeptAsk(exchange.request.headersDistinct);
  if (!ask.ok) return ask;
  const hash = ask.value.idempotencyKey === undefined ? undefined : createHash('sha256');
  if (isFull(options)) await options.places.more();
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

  const facts: StreamFacts = {
    id: surface.newId(),
    requestId,
    keyId: principal.keyId,
    surface: surface.name,
    model: request.model,
    stream: request.stream,
    createdAtMs: runDeps.clock(),
    ...(exchange.span === undefined ? {} : { traceparent: exchange.span.headers().traceparent }),
  };
  const { idempotencyKey, resumable } = ask.value;
  if (idempotencyKey === undefined && !resumable) {
    return await startNew(
      { share, exchange, surface, facts, asked: asked.value, ids: false },
      options,
      runDeps,
    );
  }
  if (isFull(options)) await options.places.more();
  const kept = await startKept(journal, {
    ask: ask.value,
    fingerprint: hash?.digest('base64url'),
    facts,
    refuseRun: () => refuseNow(options),
  });
  if (!kept.ok) return kept;
  if (kept.value.type === 'attach') {
    options.instruments.resumes.of('post').add(1);
    return ok(kept.value);
  }
  const { writer } = kept.value;
  try {
    const started = await startNew(
      { share, exchange, surface, facts, writer, asked: asked.value, ids: resumable },
      options,
      runDeps,
    );
    if (!started.ok) writer.discard(started.failure);
    return started;
  } catch (bug) {
    // Otherwise all who send the same request would wait for ever.
    writer.discard(bugFailure(bug));
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
  readonly writer?: StreamWriter;
  /** Whether its events have `id:` lines. */
  readonly ids: boolean;
}

async function startNew(
  { share, exchange, surface, asked, facts, writer, ids }: NewRun,
  options: StartOptions,
  runDeps: RunDeps,
): Promise<Result<Answering>> {
  const { config, catalogue, meter, timers, runs, instruments } = options;
  const { principal, requestId } = exchange;
  const { models: rights, keyId, owner, logContent } = principal;
  const { request } = asked;
  const { id } = facts;
  const tags = readTags(exchange.request.headersDistinct[tagsHeader]);
  if (!tags.ok) return tags;

  const listed = catalogue.find(request.model);
  const unlisted = listed === undefined ? await options.unlisted?.find(request.model) : undefined;
  const model = listed ?? unlisted?.model;
  const router = unlisted?.router ?? options.router;
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
  if (isFull(options)) await options.places.more();
  // While the body arrived, a drain may have begun or the last place may have been taken. Nothing waits between this look and the
  // place that is taken.
  const refusedLate = refuseNow(options);
  if (refusedLate !== undefined) return fail(refusedLate);
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
  const added = request.stream ? new AddedTime(instruments.addedUs, timers.now) : undefined;
  const wishes = {
    key: logContent,
    model: config.models.get(model.id)?.keepContent,
    everywhere: config.logging.content,
  };
  const content = keepsContent(wishes) ? keptContent(options.contents, facts, request) : undefined;
  let run: Run | undefined;
  try {
    added?.opened(exchange.arrivedMs);
    run = startRun(runDeps, {
      id,
      surface,
      asked,
      requestId,
      keyId,
      owner,
      kept: writer === undefined ? undefined : { writer, graceMs: config.stream.graceMs },
      totalMs: model.timeouts.totalMs,
      keepContent: content !== undefined,
      onEnded: settles(share, record, content),
      open: (signal) =>
        record.watch(
          router.open(
            admitted,
            { request, keyId, completionId: id, ...beginningOf(request) },
            promptTokens,
            signal,
            committed(record, added),
            exchange.span,
          ),
        ),
    });
  } finally {
    if (run === undefined) record.cancel();
  }
  const framing = request.stream ? surface.framing : undefined;
  const form = ids ? { framing, idsAfter: 0, added } : { framing, added };
  return ok({
    type: 'run',
    run,
    facts,
    isKept: writer !== undefined,
    connection: createConnectionReader(exchange, form, { settings: config.stream, timers, instruments }),
  });
}

/** Made here, because a function of {@link start} that the run keeps would keep all variables of `start`, and so the request. */
function settles(
  share: BodyShare,
  record: OpenRecord,
  content: KeptContent | undefined,
): (outcome: RunOutcome) => undefined {
  return (outcome) => {
    share.release();
    content?.(outcome);
    record.settle(outcome);
    return undefined;
  };
}

type KeptContent = (outcome: RunOutcome) => void;

/** What is kept of a request whose content is kept, once its run has ended. One that has reached no target leaves nothing. */
function keptContent(
  contents: ContentKeeper,
  { id, createdAtMs }: StreamFacts,
  request: ChatRequest,
): KeptContent {
  const messages = keptMessages(request);
  return ({ attempts, content }) => {
    if (attempts.length > 0) contents.keep(id, createdAtMs, messages, content ?? []);
  };
}

function committed(record: OpenRecord, added: AddedTime | undefined): () => void {
  return () => {
    added?.committed();
    record.committed();
  };
}

function refuseNow(options: StartOptions): Failure | undefined {
  const { draining, config, shed } = options;
  if (draining()) {
    return failure('draining', 'This server is shutting down and takes no new requests.', {
      retryAfterMs: 5_000,
    });
  }
  if (!isFull(options)) return shed.refusal();
  const { maxStreams } = config.server;
  return failure('overloaded', `All ${maxStreams} places of this server are taken.`, { retryAfterMs: 1_000 });
}

function isFull({ runs, places }: StartOptions): boolean {
  return runs.size >= places.limit();
}

/** The beginning of an answer of which the client wants the rest, for every target that is asked. */
function beginningOf({ continued }: ChatRequest): { readonly prefix?: string } {
  return continued === undefined ? {} : { prefix: continued };
}
