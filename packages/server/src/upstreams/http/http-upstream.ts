import type { ChatRequest } from '../../domain/chat-request.ts';
import { writeMarked } from '../../domain/exact-json.ts';
import { type Failure, fail, ok, type Result } from '../../domain/failure.ts';
import type { JsonObject } from '../../domain/json.ts';
import type { Capabilities } from '../../domain/requirements.ts';
import type { WireAnswer } from '../../transport/connection.ts';
import type { PostRequest, Transport } from '../../transport/transport.ts';
import { maxHoldMs, type Upstream, type UpstreamCall } from '../contract.ts';
import { openAnswerStream, type ProviderCall } from './answer/answer-stream.ts';
import type { Dialect, DialectOutput } from './answer/dialect.ts';
import {
  type CreatedProvider,
  createProviderTransport,
  type ProviderOptions,
  type ProviderUpstream,
} from './provider-transport.ts';
import { type ErrorContext, type Refusal, retryHeaders } from './refusal/refusal.ts';
import { requestHeaders } from './request/request-json.ts';

/** The parts of an upstream that differ between providers. All have one POST for each request, and answer with events. */
export interface Protocol {
  /** The base URL where the configuration has none. Undefined: the configuration must have one. */
  readonly defaultUrl: string | undefined;
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
  watchLoad?(transport: Transport, own: () => number): LoadReports;
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
  const created = await createProviderTransport(
    options,
    protocol.defaultUrl,
    protocol.headers(config.apiKey),
  );
  if (!created.ok) return created;
  const { transport, baseUrl, hidden } = created.provider;
  let running = 0;
  const load = protocol.watchLoad?.(transport, () => running);
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
    open: (call, signal) => openAnswerStream(new HttpCall(shared, call), signal),
  };
  return { ok: true, upstream };
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

/** One call of an upstream: an object without functions of its own, because it lives as long as its answer. */
class HttpCall implements ProviderCall {
  private readonly shared: SharedByCalls;
  private readonly call: UpstreamCall;
  /** Those headers of the answer that the failure of an error in it needs. Absent: it needs none. */
  private headers: ErrorContext['headers'];

  constructor(shared: SharedByCalls, call: UpstreamCall) {
    this.shared = shared;
    this.call = call;
  }

  get transport(): Transport {
    return this.shared.transport;
  }

  get maxEventBytes(): number {
    return this.shared.maxEventBytes;
  }

  get finishWaitMs(): number {
    return maxHoldMs(this.call, this.shared.finishWaitMs);
  }

  get repeatedFinishWaitMs(): number {
    return maxHoldMs(this.call, 5 * this.shared.finishWaitMs);
  }

  request(): Result<PostRequest> {
    const { call } = this;
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
    return this.shared.protocol.dialect(this.call, () => this.errors(), output);
  }

  refused(refusal: Refusal): Failure {
    return this.shared.protocol.refused(refusal, this.errors(), this.call);
  }

  closed(): void {
    this.shared.count(-1);
  }

  private errors(): ErrorContext {
    const { hidden, now } = this.shared;
    const { call, headers } = this;
    return { hidden, request: call.request, nowMs: now(), headers };
  }
}

/** The path of `base_url`, and after it a path of the provider's API. */
export function joinPath(baseUrl: URL, path: string): string {
  return `${baseUrl.pathname.replace(/\/+$/, '')}${path}`;
}
