import type { Pullable } from '../domain/batches.ts';
import type { ChatRequest } from '../domain/chat-request.ts';
import type { Failure } from '../domain/failure.ts';
import type { Capabilities } from '../domain/requirements.ts';

/**
 * The seam between routing and its targets: the local engine, a scripted upstream, a provider. Every implementation passes
 * `contract.suite.ts`, and repairs its provider's answer: its events keep to the grammar of `domain/event-grammar.ts`.
 */
export interface Upstream {
  /** The name in the configuration; `engine` for the local engine. */
  readonly name: string;

  /** The features that this upstream honours for one of its models. */
  capabilities(model: string): Capabilities;

  /**
   * Why that model cannot be asked this request although it honours every feature of it: it does not accept a value, or it
   * accepts only one of two fields. Names the field; `unsupported_parameter` or `invalid_value`. Pure and cheap: it is called
   * for every target before one is chosen. Absent: no such request is known.
   */
  refuses?(request: ChatRequest, model: string): Failure | undefined;

  /** Tokens of prompt and answer together; undefined where this is not known. */
  contextLength(model: string): number | undefined;

  /**
   * When the timeout of the first token begins: at the call, or at the `start` event (the engine: time in its queue and for
   * reading the prompt does not count).
   */
  readonly firstTokenClock: 'call' | 'start';

  /**
   * Requests that wait or run there besides our own: one of the two parts of `balance: least_busy`. Absent where the upstream
   * does not report its load.
   */
  pressure?(model: string): number;

  /**
   * How this upstream can continue an answer that another target left unfinished, unless the configuration decides it.
   * `prefix`: it continues {@link UpstreamCall.prefix} exactly. `if-configured`: a prefix can be sent, and only the operator
   * knows whether the server continues it. Absent: no prefix can be sent.
   */
  takeover?(model: string): 'prefix' | 'if-configured' | undefined;

  /**
   * Asks once. Returns at once: the stream connects, waits in queues and reports every failure. An abort of `signal` ends the
   * work within 100 ms, and ends the stream without another event.
   */
  open(call: UpstreamCall, signal: AbortSignal): EventStream;
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
  /** The stall timeout: after such a silence in an answer the caller cuts it. In milliseconds. Absent: there is none. */
  readonly stallMs?: number;
}

/**
 * How long an upstream may hold a finish back, to wait for its usage or for a check of the answer, in milliseconds: half of the
 * stall timeout, so that the wait is not taken for a stall. At most `atMostMs`.
 */
export function maxHoldMs({ stallMs }: Pick<UpstreamCall, 'stallMs'>, atMostMs = Infinity): number {
  return stallMs === undefined ? atMostMs : Math.min(atMostMs, Math.ceil(stallMs / 2));
}

/**
 * The answer to one call: one batch of events for each pull, and pulling is the back-pressure. Every expected failure is a
 * `failed` event; a pull breaks only for bugs. `close()` releases everything and ends a waiting pull; it may be called at any
 * time, and more than once.
 */
export interface EventStream extends Pullable {
  close(): Promise<void>;
}
