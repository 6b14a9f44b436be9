import type { Pullable } from '../domain/batches.ts';
import type { ChatRequest } from '../domain/chat-request.ts';
import type { Failure } from '../domain/failure.ts';
import type { Capabilities } from '../domain/requirements.ts';

/**
 * The seam between routing and whatever answers: the local engine, a scripted upstream, a provider.
 * `contract.suite.ts` beside this file is what every implementation must pass.
 */
export interface Upstream {
  /** As the configuration names it; `engine` for the local one. */
  readonly name: string;

  /** What this upstream honours for that model of its own. */
  capabilities(model: string): Capabilities;

  /**
   * Why that model cannot be asked this request, though it honours every feature of it: a value it does not
   * take, two fields it takes only one of. Names the field; `unsupported_parameter` or `invalid_value`. Pure and
   * cheap, for it is asked of every target before any is chosen. Absent: nothing of the kind is known.
   */
  refuses?(request: ChatRequest, model: string): Failure | undefined;

  /** Tokens of prompt and answer together, where the upstream says. */
  contextLength(model: string): number | undefined;

  /**
   * When the first-token clock starts: at the call, or at the `start` event (the engine's, whose queue and
   * prompt reading do not count).
   */
  readonly firstTokenClock: 'call' | 'start';

  /**
   * Requests that wait or run there beyond our own, where the upstream tells: one of the two halves of
   * `balance: least_busy`.
   */
  pressure?(model: string): number;

  /**
   * How this upstream can go on with an answer that another one left unfinished, unless the configuration
   * says otherwise: `prefix` where {@link UpstreamCall.prefix} is continued exactly; `if-told` where the prefix
   * can be handed over and only the operator knows what the server behind it makes of it. Absent: it cannot be
   * told where to begin.
   */
  takeover?(model: string): 'prefix' | 'if-told' | undefined;

  /**
   * Asks once. Returns at once: connecting, queueing and everything that can go wrong happen inside the stream.
   * Aborting `signal` ends the work within 100 ms and ends the stream without a further event.
   */
  open(call: UpstreamCall, signal: AbortSignal): EventStream;
}

export interface UpstreamCall {
  readonly request: ChatRequest;
  /** The model's name there. */
  readonly model: string;
  /** Whose request it is, for fairness between keys. */
  readonly keyId: string;
  /**
   * The beginning of the answer, already delivered: the upstream goes on exactly behind it, counts it as
   * part of the prompt, and says none of it again. Only where it declares {@link Upstream.takeover}.
   */
  readonly prefix?: string;
  /** The completion's id: for logs, and for making tool-call ids. */
  readonly completionId: string;
  /** How long a connection may take to come about, in milliseconds. Default: the upstream's own. */
  readonly connectMs?: number;
  /** Silence in mid-answer that is taken for a stall, in milliseconds: what waits by itself waits less. */
  readonly patienceMs?: number;
}

/**
 * How long an upstream may keep its caller waiting for a reason of its own, in milliseconds: less than would be
 * taken for a stall. `atMostMs` where nobody says.
 */
export function ownWaitMs({ patienceMs }: Pick<UpstreamCall, 'patienceMs'>, atMostMs = Infinity): number {
  return patienceMs === undefined ? atMostMs : Math.min(atMostMs, Math.ceil(patienceMs / 2));
}

/**
 * The answer to one call: a batch of events for each pull, and pulling is the back-pressure. Every expected failure is a
 * `failed` event; a pull breaks only for bugs. `close()` releases everything, ends a pull that waits, and may be called
 * at any time, more than once.
 */
export interface EventStream extends Pullable {
  close(): Promise<void>;
}
