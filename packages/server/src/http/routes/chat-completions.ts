import { performance } from 'node:perf_hooks';
import type { Config } from '../../config/config.ts';
import { causeOf } from '../../domain/cause.ts';
import type { ChatRequest } from '../../domain/chat-request.ts';
import { estimatePromptTokens } from '../../domain/estimate-tokens.ts';
import { writeExactly } from '../../domain/exact-json.ts';
import { type Failure, failure } from '../../domain/failure.ts';
import { nearest } from '../../domain/nearest.ts';
import type { AnswerRules } from '../../relay/answer-guard.ts';
import { collectCompletion } from '../../relay/collect-completion.ts';
import { relayStream } from '../../relay/relay-stream.ts';
import type { Run, RunOutcome } from '../../relay/run.ts';
import type { RunRegistry } from '../../relay/run-registry.ts';
import { createTranscript, type Transcript } from '../../relay/transcript.ts';
import type { Catalogue } from '../../routing/catalogue.ts';
import type { Router } from '../../routing/router.ts';
import type { Source } from '../../routing/source.ts';
import { createChunkEncoder, type StreamIdentity, type UsageForm } from '../../wire/chat/chunk-encoder.ts';
import { decodeChatRequest } from '../../wire/chat/decode-request.ts';
import { knownMembers } from '../../wire/chat/known-fields.ts';
import type { BodyShare } from '../body-budget.ts';
import type { Exchange } from '../exchange.ts';
import { type BodyIntake, readJson } from '../read-json.ts';
import { replyFailure, replyJson } from '../reply.ts';
import type { Route } from '../routes.ts';
import { createSseSink } from '../sse-sink.ts';

export interface ChatRouteOptions {
  readonly config: Pick<Config, 'server' | 'stream' | 'timeouts' | 'logging'>;
  readonly catalogue: Catalogue;
  readonly router: Router;
  readonly runs: RunRegistry;
  readonly bodies: BodyIntake;
  /** True from the first SIGTERM on. */
  draining(): boolean;
  newCompletionId(): string;
}

/** `POST /v1/chat/completions`: the walk of one request, in order. */
export function chatCompletionsRoute(options: ChatRouteOptions): Route {
  return {
    method: 'POST',
    path: '/v1/chat/completions',
    access: 'key',
    handle: (exchange) => complete(exchange, options),
  };
}

async function complete(exchange: Exchange, options: ChatRouteOptions): Promise<void> {
  const share = options.bodies.held.open(exchange.principal.keyId);
  try {
    await completeWithin(share, exchange, options);
  } finally {
    share.release();
  }
}

async function completeWithin(
  share: BodyShare,
  exchange: Exchange,
  options: ChatRouteOptions,
): Promise<void> {
  const { config, catalogue, router, runs, bodies } = options;
  const refused = refuseNow(options);
  if (refused !== undefined) return replyFailure(exchange, refused);

  const usageForm = usageFormAsked(exchange, config.stream.usageChunk);
  if (typeof usageForm === 'object') return replyFailure(exchange, usageForm);
  const body = await readJson(exchange, config.server.maxBodyBytes, bodies, share, knownMembers);
  if (!body.ok) return replyFailure(exchange, body.failure);
  const decoded = decodeChatRequest(body.value);
  if (!decoded.ok) return replyFailure(exchange, decoded.failure);
  const { request } = decoded.value;
  // Any text, where there is no such model: enough of it to find the mistake by.
  exchange.notes.model = request.model.slice(0, 128);
  exchange.notes.stream = request.stream;

  const model = catalogue.find(request.model);
  if (model === undefined) return replyFailure(exchange, unknownModel(request.model, catalogue));
  const plan = router.plan(model, decoded.value);
  if (!plan.ok) return replyFailure(exchange, plan.failure);
  // The body took its time to arrive: a drain may have begun, or the last place been taken.
  const refusedLate = refuseNow(options);
  if (refusedLate !== undefined) return replyFailure(exchange, refusedLate);

  const run = runs.start({
    id: options.newCompletionId(),
    requestId: exchange.requestId,
    keyId: exchange.principal.keyId,
    model: request.model,
    stream: request.stream,
    totalMs: model.timeouts.totalMs,
  });
  const onClose = () => run.stop({ type: 'client-gone' });
  exchange.response.once('close', onClose);
  if (exchange.response.destroyed) onClose();
  const transcript = config.logging.content ? createTranscript() : undefined;
  const call = { request, keyId: run.keyId, completionId: run.id };
  const source = router.open(plan.value, call, run.signal, (target) => {
    run.target = target;
  });
  try {
    const outcome = request.stream
      ? await stream(exchange, options, { request, run, source, transcript }, usageForm)
      : await collect(exchange, { request, run, source, transcript });
    noteOutcome(exchange, outcome, source);
    if (transcript !== undefined) {
      exchange.notes.content = {
        prompt: writeExactly(request.body['messages'] ?? []),
        answer: transcript.text(),
      };
    }
  } finally {
    exchange.response.off('close', onClose);
    runs.finish(run);
  }
}

/** One request at work. */
interface Work {
  readonly request: ChatRequest;
  readonly run: Run;
  readonly source: Source;
  /** Only where the operator wants content in the log. */
  readonly transcript: Transcript | undefined;
}

async function stream(
  exchange: Exchange,
  { config }: ChatRouteOptions,
  { request, run, source, transcript }: Work,
  usageForm: 'inline' | 'separate',
): Promise<RunOutcome> {
  const form: UsageForm = usageForm === 'separate' && !request.includeUsage ? 'none' : usageForm;
  const sink = createSseSink({
    response: exchange.response,
    clientWriteMs: exchange.clientWriteMs,
    headHeaders: () => targetHeader(source),
  });
  const outcome = await relayStream({
    run,
    events: source,
    transcript,
    rules: rulesOf(request),
    sink,
    settings: config.stream,
    now: () => performance.now(),
    createEncoder: (fingerprint) => {
      const identity = identify(run, request.model, source, fingerprint);
      return createChunkEncoder(identity, request.n, form);
    },
  });
  if (outcome.failure !== undefined && !sink.opened) await replyFailure(exchange, outcome.failure);
  return outcome;
}

async function collect(exchange: Exchange, { request, run, source, transcript }: Work): Promise<RunOutcome> {
  const outcome = await collectCompletion({
    run,
    events: source,
    transcript,
    rules: rulesOf(request),
    now: () => performance.now(),
    identify: (fingerprint) => identify(run, request.model, source, fingerprint),
  });
  if (outcome.failure !== undefined) await replyFailure(exchange, outcome.failure);
  else if (outcome.body !== undefined) {
    for (const [name, value] of Object.entries(targetHeader(source)))
      exchange.response.setHeader(name, value);
    await replyJson(exchange, 200, outcome.body);
  }
  return outcome;
}

function rulesOf(request: ChatRequest): AnswerRules {
  return {
    choices: request.n,
    json: request.responseFormat.type !== 'text',
    promptTokens: () => estimatePromptTokens(request),
  };
}

function refuseNow({ draining, runs, config }: ChatRouteOptions): Failure | undefined {
  if (draining()) {
    return failure('draining', 'This server is shutting down and takes no new requests.', {
      retryAfterMs: 5_000,
    });
  }
  const { maxStreams } = config.server;
  if (runs.size < maxStreams) return undefined;
  return failure('overloaded', `All ${maxStreams} places of this server are taken.`, { retryAfterMs: 1_000 });
}

function unknownModel(id: string, catalogue: Catalogue): Failure {
  const names = catalogue.names().map(({ name }) => name);
  const meant = nearest(id, names);
  const hint =
    names.length === 0
      ? 'None is configured: see docs/configuration.md.'
      : `${meant === undefined ? '' : `Did you mean '${meant}'? `}GET /v1/models lists those there are.`;
  return failure('model_not_found', `There is no model '${id}' here. ${hint}`, { param: 'model' });
}

/** The deployment's choice, or the request's own in `tailrace-usage-chunk`. */
function usageFormAsked(
  exchange: Exchange,
  deployed: 'inline' | 'separate',
): 'inline' | 'separate' | Failure {
  const [asked] = exchange.request.headersDistinct['tailrace-usage-chunk'] ?? [];
  if (asked === undefined) return deployed;
  if (asked === 'inline' || asked === 'separate') return asked;
  const param = 'tailrace-usage-chunk';
  return failure('invalid_value', `The header '${param}' must be 'inline' or 'separate'.`, { param });
}

/** `model` is what the client asked for, or the fallback that served it. */
function identify(run: Run, asked: string, source: Source, fingerprint: string | undefined): StreamIdentity {
  const served = source.served();
  return {
    id: run.id,
    created: Math.floor(run.createdAtMs / 1_000),
    model: served?.fellBackTo ?? asked,
    fingerprint: fingerprint ?? 'tailrace',
  };
}

function targetHeader(source: Source): Record<string, string> {
  const served = source.served();
  // Names come from the configuration and may be any text; a header may not.
  return served === undefined ? {} : { 'tailrace-target': served.target.replace(/[^\x21-\x7e]/g, '?') };
}

function noteOutcome(exchange: Exchange, outcome: RunOutcome, source: Source): void {
  const { notes } = exchange;
  const attempts = source.attempts();
  notes.outcome = outcome.status;
  notes.attempts = attempts.length;
  const target = source.served()?.target ?? attempts.at(-1)?.target;
  if (target !== undefined) notes.target = target;
  if (outcome.ttftMs !== undefined) notes.ttftMs = outcome.ttftMs;
  if (outcome.failure !== undefined) {
    notes.code = outcome.failure.code;
    Object.assign(notes, causeOf(outcome.failure));
  }
  if (outcome.usage !== undefined) {
    notes.promptTokens = outcome.usage.promptTokens;
    notes.completionTokens = outcome.usage.completionTokens;
  }
}
