import type { Failure, Result } from '../domain/failure.ts';
import type { JsonValue } from '../domain/json.ts';
import type { KnownMembers } from '../domain/read-spellings.ts';
import type { DecodedRequest } from '../domain/requirements.ts';
import type { FailedEvent, StreamEvent } from '../domain/stream-event.ts';
import type { ErrorReply } from './error-reply.ts';

/**
 * The seam between one protocol of clients and the rooms behind it: a surface makes a request from JSON, and an answer from
 * events. These rooms never learn which surface they serve. Each surface must pass `contract.suite.ts`.
 *
 *     JSON, headers ──decode──▶ Asked { request, requirements, form }
 *     events ──form.streamEncoder──▶ payloads of a stream      events ──form.collector──▶ one JSON body
 *     Failure ──errorReply──▶ status, headers, body             (before the head; behind it: the encoder's `fail`)
 */
export interface Surface {
  /** The surface's name in lists and records of runs: `chat`. */
  readonly name: string;
  /** The path of its `POST` route. */
  readonly path: string;
  /** The members of a request that this surface knows; all others are kept byte for byte. */
  readonly members: KnownMembers;
  /** The decoded request, or a failure for the first mistake in it, with its `param`. */
  decode(body: JsonValue, headers: RequestHeaders, defaults?: AnswerDefaults): Result<Asked>;
  /**
   * The reply to a failure while no head has left, also to failures before `decode` (a missing key, a body that is too
   * large). After `decode` its `param` is a path in OpenAI's chat form (`domain/chat-json.ts`): a surface whose requests
   * have other names has to translate it.
   */
  errorReply(reason: Failure, requestId: string): ErrorReply;
  /** The id of a new run, never used again. */
  newId(): string;
  /** How the payloads of its streams are sent, whatever the request. */
  readonly framing: Framing;
  /** The payload of the error event that tells one reader of a stream why it gets no more, where no run encodes it. */
  errorEvent(reason: Failure, requestId: string): string;
}

/** What a connection puts around the payloads of a stream. */
export interface Framing {
  readonly contentType: string;
  /** A payload with its framing, `data: …` and an empty line. Where framing needs the event's name, it reads it from the payload. */
  frame(payload: string): string;
  /** A keepalive that is no event. */
  readonly comment: string;
}

/** The values of each header, by its name in small letters. */
export type RequestHeaders = Readonly<NodeJS.Dict<readonly string[]>>;

/** How a sender wants its answers where the request does not say it; undefined: as deployed. */
export interface AnswerDefaults {
  readonly usageChunk: 'inline' | 'separate' | undefined;
}

export interface Asked extends DecodedRequest {
  readonly form: AnswerForm;
}

/** How this request wants its answer. */
export interface AnswerForm {
  streamEncoder(run: RunIdentity): StreamEncoder;
  collector(run: RunIdentity): AnswerCollector;
}

/** What is known of a run when it starts. */
export interface RunIdentity {
  readonly id: string;
  readonly requestId: string;
  /** Unix milliseconds. */
  readonly createdAtMs: number;
}

/** What is known at the commit. */
export interface ServedIdentity {
  /** The id or alias asked for; after a failover before the commit the fallback's id. */
  readonly model: string;
  readonly fingerprint: string;
}

/** Receives the payloads of events, in order: one call for each, which becomes one write. */
export interface PayloadReceiver {
  event(payload: string): void;
}

export type AnswerEvent = Exclude<StreamEvent, FailedEvent>;

/**
 * Events → payloads: `begin` once at the commit, then `encode` for each event, then `end` after the last finish, or `fail`
 * at any time. An encoder derives all numbers and ids that it writes from the run's id and a counter, so that another
 * process could continue it.
 */
export interface StreamEncoder {
  begin(served: ServedIdentity, to: PayloadReceiver): void;
  encode(event: AnswerEvent, to: PayloadReceiver): void;
  /** The payload that goes out together with the end of the body; undefined where the surface has none. */
  readonly end: string | undefined;
  /** The payload that ends a torn stream. May be called before `begin`, where only one reader's stream ends. */
  fail(reason: Failure): string;
  /** An event without content, for clients that do not understand comments; undefined where there is none. Only after `begin`. */
  keepalive(): string | undefined;
}

/** Events → one JSON body. */
export interface AnswerCollector {
  /** False once the answer is larger than `domain/answer-size.ts` allows; then nothing more is kept. */
  add(event: AnswerEvent): boolean;
  /** The body, once every choice has finished. */
  body(served: ServedIdentity): string;
}
