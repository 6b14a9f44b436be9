import { performance } from 'node:perf_hooks';
import type { ChatRequest } from '../../domain/chat-request.ts';
import { writeMarked } from '../../domain/exact-json.ts';
import { type Failure, fail, ok, type Result } from '../../domain/failure.ts';
import type { JsonObject } from '../../domain/json.ts';
import type { Capabilities } from '../../domain/requirements.ts';
import type { WireAnswer } from '../../transport/connection.ts';
import type { PostRequest, Transport } from '../../transport/transport.ts';
import {
  type EventStream,
  maxHoldMs,
  type ProviderIdentity,
  type Upstream,
  type UpstreamCall,
} from '../contract.ts';
import { openAnswerStream, type ProviderCall } from './answer/answer-stream.ts';
import type { Dialect, DialectOutput } from './answer/dialect.ts';
import { openKeyedStream } from './keys/keyed-stream.ts';
import { createUpstreamKeys, type KeyTurn, type UpstreamKeys } from './keys/upstream-keys.ts';
import {
  type CreatedProvider,
  createProviderTransport,
  type ProviderOptions,
  type ProviderUpstream,
} from './provider-transport.ts';
import { type ErrorContext, type Refusal, retryHeaders } from './refusal/refusal.ts';

/** The parts of an upstream that differ between providers. All have one POST for each request, and answer with events. */
export interface Protocol {
  /** The base URL where the configuration has none. Undefined: the configuration must have one. */
  readonly defaultUrl: string | undefined;
  /** The provider's name in traces: one of `gen_ai.provider.name`, else what it is called here. */
  readonly provider: string;
  /** The provider's own headers, with a key of the upstream. */
  headers(apiKey: string | undefined): Readonly<Record<string, string>>;
  capabilities(model: string): Capabilities;
  contextLength(model: string): number | undefined;
  takeover(model: string): ReturnType<NonNullable<Upstream['takeover']>>;
  refuses(request: ChatRequest, model: string): Failure | undefined;
  /** Makes the request of a call, or a failure. A body that must keep the spelling of numbers is marked (`markRoot`). */
  request(call: UpstreamCall, baseUrl: URL): Result<ProtocolRequest>;
  /** Creates the dialect that reads the answer of a call. */
  dialect(call: UpstreamCall, errors: () => ErrorContext, output: DialectOutput): Dialect;
  /** Makes the failure of an answer that is no event stream. */
  refused(refusal: Refusal, errors: ErrorContext, call: UpstreamCall): Failure;
  /** Watches the load of the provider. `own` counts our own requests there. Absent: the provider does not report its load. */
  watchLoad?(transport: Pick<Transport, 'get'>, own: () => number): LoadReports;
}

/** One request of a protocol. */
export interface ProtocolRequest {
  /** Path and query, with those of `base_url`. */
  readonly path: string;
  readonly body: JsonObject;
}

/** The load of a provider, as it reports it. */
export interface LoadReports {
  /** Requests there besides our own, by the last report; 0 where that is unknown. */
  pressure(): number;
  /** Headers that request a report with the answer. */
  requestHeaders(): Readonly<Record<string, string>>;
  /** Reads the report in an answer's headers, where there is one. */
  answered(headers: WireAnswer['headers']): void;
  /** Ends the watch. */
  close(): void;
}

/** Makes an upstream, or the list of problems of its configuration. It opens no connection yet. The caller closes it. */
export async function createHttpUpstream(
  options: ProviderOptions,
  protocol: Protocol,
): Promise<CreatedProvider> {
  const { name, config, maxEventBytes, finishWaitMs = 2_000, now = Date.now } = options;
  const created = await createProviderTransport(options, protocol.defaultUrl);
  if (!created.ok) return created;
  const { transport, baseUrl, hidden } = created.provider;
  const keys = createUpstreamKeys({
    keys: config.apiKeys ?? [],
    headersOf: (key) => protocol.headers(key),
    now: () => performance.now(),
    before: options.keysBefore,
    ...(options.onKeyChange === undefined ? {} : { onChange: options.onKeyChange }),
  });
  let running = 0;
  const load = protocol.watchLoad?.(
    { get: (request, signal) => transport.get({ ...request, headers: keys.headers() }, signal) },
    () => running,
  );
  const shared: SharedByCalls = {
    protocol,
    transport,
    baseUrl,
    hidden,
    load,
    maxEventBytes,
    finishWaitMs,
    now,
    count: (change) => {
      running += change;
    },
  };

  const upstream: ProviderUpstream = {
    name,
    provider: { name: protocol.provider, ...placeOf(baseUrl) },
    firstTokenClock: 'call',
    capabilities: (model) => protocol.capabilities(model),
    contextLength: (model) => protocol.contextLength(model),
    takeover: (model) => protocol.takeover(model),
    refuses: (request, model) => protocol.refuses(request, model),
    ...(load === undefined ? {} : { pressure: load.pressure }),
    stats: transport.stats,
    retire: () => {
      load?.close();
      transport.retire();
    },
    close: () => {
      load?.close();
      transport.close();
    },
    keys,
    open: opener(shared, keys),
  };
  return { ok: true, upstream };
}

/** One key needs no turns, and nothing between the answer and the caller. */
function opener(shared: SharedByCalls, keys: UpstreamKeys): Upstream['open'] {
  const ask = (call: UpstreamCall, signal: AbortSignal, headers: KeyTurn['requestHeaders']): EventStream =>
    openAnswerStream(new HttpCall(shared, call, headers), signal);
  if (keys.count > 1) {
    return (call, signal) => openKeyedStream(keys, (headers) => ask(call, signal, headers));
  }
  const { requestHeaders } = keys.take();
  return (call, signal) => ask(call, signal, requestHeaders);
}

/** What all calls of one upstream share. */
interface SharedByCalls {
  readonly protocol: Protocol;
  readonly transport: Transport;
  readonly baseUrl: URL;
  readonly hidden: readonly string[];
  readonly load: LoadReports | undefined;
  readonly maxEventBytes: number;
  readonly finishWaitMs: number;
  readonly now: () => number;
  /** Changes the number of our own requests there. */
  count(change: 1 | -1): void;
}

/**
 * One call of an upstream: an object without functions of its own, because it lives as long as its answer. It holds the request
 * with its messages until the answer has output.
 */
class HttpCall implements ProviderCall {
  private readonly shared: SharedByCalls;
  private readonly stallMs: number | undefined;
  private readonly requestHeaders: KeyTurn['requestHeaders'];
  /** What was asked; undefined once the answer has output. */
  private call: UpstreamCall | undefined;
  /** Those headers of the answer that the failure of an error in it needs. Absent: it needs none. */
  private headers: ErrorContext['headers'];

  constructor(shared: SharedByCalls, call: UpstreamCall, headers: KeyTurn['requestHeaders']) {
    this.shared = shared;
    this.requestHeaders = headers;
    this.stallMs = call.stallMs;
    this.call = call;
  }

  get transport(): Transport {
    return this.shared.transport;
  }

  get maxEventBytes(): number {
    return this.shared.maxEventBytes;
  }

  get finishWaitMs(): number {
    return maxHoldMs(this.stallMs, this.shared.finishWaitMs);
  }

  get repeatedFinishWaitMs(): number {
    return maxHoldMs(this.stallMs, 5 * this.shared.finishWaitMs);
  }

  request(): Result<PostRequest> {
    const call = this.asked();
    const requestHeaders =
      call.traceHeaders === undefined
        ? this.requestHeaders
        : { ...this.requestHeaders, ...call.traceHeaders };
    const { protocol, baseUrl, load, count } = this.shared;
    count(1);
    const made = protocol.request(call, baseUrl);
    if (!made.ok) return fail(made.failure);
    return ok({
      path: made.value.path,
      headers: load === undefined ? requestHeaders : { ...requestHeaders, ...load.requestHeaders() },
      connectMs: call.connectMs,
      body: writeMarked(made.value.body),
    });
  }

  answered(headers: WireAnswer['headers']): void {
    this.headers = retryHeaders(headers);
    this.shared.load?.answered(headers);
  }

  dialect(output: DialectOutput): Dialect {
    return this.shared.protocol.dialect(this.asked(), () => this.errors(), output);
  }

  refused(refusal: Refusal): Failure {
    return this.shared.protocol.refused(refusal, this.errors(), this.asked());
  }

  begun(): void {
    this.call = undefined;
  }

  closed(): void {
    this.shared.count(-1);
  }

  /** The call. Meant for the time before its answer has output. */
  private asked(): UpstreamCall {
    if (this.call === undefined) throw new Error('a call was used after its answer had output');
    return this.call;
  }

  private errors(): ErrorContext {
    const { hidden, now } = this.shared;
    const { call, headers } = this;
    return { hidden, request: call?.request, nowMs: now(), headers };
  }
}

function placeOf({ hostname, port, protocol }: URL): Omit<ProviderIdentity, 'name'> {
  const usualPort = protocol === 'https:' ? 443 : 80;
  return { address: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? usualPort : Number(port) };
}

/** The path of `base_url`, and after it a path of the provider's API. */
export function joinPath(baseUrl: URL, path: string): string {
  return `${baseUrl.pathname.replace(/\/+$/, '')}${path}`;
}
