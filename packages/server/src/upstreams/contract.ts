import type { Pullable } from '../domain/batches.ts';
import type { ChatRequest } from '../domain/chat-request.ts';
import type { Failure } from '../domain/failure.ts';
import type { Capabilities } from '../domain/requirements.ts';
import type { SamplingDefaults } from '../domain/sampling-defaults.ts';
import type { TraceHeaders } from '../telemetry/traces/contract.ts';

/**
 * The seam between routing and its targets: the local engine, a scripted upstream, a provider. Every implementation passes
 * `contract.suite.ts`, and repairs its provider's answer: its events keep to the grammar of `domain/event-grammar.ts`.
 */
export interface Upstream {
  /** The name in the configuration; `engine` for the local engine. */
  readonly name: string;

  /** Where its answers come from, as traces name it. Absent: from this server itself. */
  readonly provider?: ProviderIdentity;

  /** The features that this upstream honours for one of its models. */
  capabilities(model: string): Capabilities;

  /**
   * The failure for a request that the model would refuse although it honours every feature of the request: for a value, or for
   * a combination of values. It names the field; its code is `unsupported_parameter` or `invalid_value`. Undefined where no
   * reason to refuse is known. Pure and cheap: it is called for every target before one is chosen. Absent: always undefined.
   */
  refuses?(request: ChatRequest, model: string): Failure | undefined;

  /** Tokens of prompt and answer together; undefined where this is not known. */
  contextLength(model: string): number | undefined;

  /** How the model samples where a request does not say it; absent or undefined where this is not known. */
  samplingDefaults?(model: string): SamplingDefaults | undefined;

  /**
   * When the first-token timeout begins: at the call, or at the `start` event. The engine uses `start`, so that the time in its
   * queue and for reading the prompt does not count.
   */
  readonly firstTokenClock: 'call' | 'start';

  /**
   * Requests that wait or run there besides our own: one of the two parts of `balance: least_busy`. Absent where the upstream
   * does not report its load.
   */
  pressure?(model: string): number;

  /**
   * How this upstream can continue an answer that another target left unfinished. A `takeover` in the configuration of the
   * target has priority. `prefix`: it continues {@link UpstreamCall.prefix} exactly. `if-configured`: a prefix can be sent, and
   * only the operator knows whether the server continues it. Absent: no prefix can be sent.
   */
  takeover?(model: string): 'prefix' | 'if-configured' | undefined;

  /**
   * Asks once. Returns at once: the stream connects, waits in queues and reports every failure. An abort of `signal` ends the
   * work within 100 ms, and ends the stream without another event.
   */
  open(call: UpstreamCall, signal: AbortSignal): EventStream;
}

/** A provider by the names of OpenTelemetry: `gen_ai.provider.name`, `server.address` and `server.port`. */
export interface ProviderIdentity {
  readonly name: string;
  readonly address: string;
  readonly port: number;
}

/** One request to one model of an upstream. */
export interface UpstreamCall {
  readonly request: ChatRequest;
  /** The model's name there. */
  readonly model: string;
  /** The key that sent the request, for fairness between keys. */
  readonly keyId: string;
  /**
   * The beginning of the answer, which the client has already. The upstream continues exactly after it, counts it as part of
   * the prompt, and does not repeat it. Reasoning comes before the text, so an answer with a prefix has none. Set only where
   * the upstream has {@link Upstream.takeover}.
   */
  readonly prefix?: string;
  /** The completion's id: for logs, and for the ids of tool calls. */
  readonly completionId: string;
  /** The timeout of a new connection, in milliseconds. Default: the upstream's own. */
  readonly connectMs?: number;
  /** The caller ends an answer after this many milliseconds without a batch (the stall timeout). Absent: no limit. */
  readonly stallMs?: number;
  /** Headers by which the upstream takes part in the trace of the request. Absent: it is not traced. */
  readonly traceHeaders?: TraceHeaders;
}

/**
 * How long an upstream may hold a finish back, to wait for its usage or for a check of the answer, in milliseconds: half of the
 * stall timeout, so that the wait is not taken for a stall. At most `atMostMs`.
 */
export function maxHoldMs(stallMs: UpstreamCall['stallMs'], atMostMs = Infinity): number {
  return stallMs === undefined ? atMostMs : Math.min(atMostMs, Math.ceil(stallMs / 2));
}

/**
 * The answer to one call: one batch of events for each pull, and pulling is the back-pressure. Every expected failure is a
 * `failed` event; `broke` is called only for a bug that was thrown. `close()` releases everything and ends a waiting pull; it
 * may be called at any time, and more than once.
 */
export interface EventStream extends Pullable {
  close(): Promise<void>;
}
