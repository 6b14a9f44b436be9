import type { Failure, Result } from '../domain/failure.ts';
import type { JsonValue } from '../domain/json.ts';
import type { KnownMembers } from '../domain/read-spellings.ts';
import type { DecodedRequest } from '../domain/requirements.ts';
import type { FailedEvent, StreamEvent } from '../domain/stream-event.ts';
import type { ErrorReply } from './error-reply.ts';

/**
 * The seam between one protocol of clients and everything behind it: a surface makes a request of JSON, and an answer
 * of events. Rooms behind it never learn which surface they serve; `contract.suite.ts` is what each one must pass.
 *
 *     JSON, headers ──decode──▶ Asked { request, requirements, form }
 *     events ──form.streamEncoder──▶ payloads of a stream      events ──form.collector──▶ one JSON body
 *     Failure ──errorReply──▶ status, headers, body             (before the head; behind it: the encoder's `fail`)
 */
export interface Surface {
  /** `chat`: what a run says of itself. */
  readonly name: string;
  /** Where it is served: `POST` of this path. */
  readonly path: string;
  /** The members that have a name here: all others are kept byte for byte. */
  readonly members: KnownMembers;
  /** What a client asks, or the first thing wrong with it and its `param`. */
  decode(body: JsonValue, headers: RequestHeaders): Result<Asked>;
  /**
   * A failure while no head has left, for the doors before `decode` too. Behind `decode` its `param` is a path in the
   * request's chat form (`domain/chat-json.ts`): a surface with other names has to say its own.
   */
  errorReply(reason: Failure, requestId: string): ErrorReply;
  /** The id of a new run, never used again. */
  newId(): string;
}

/** The values of each header, by its name in small letters. */
export type RequestHeaders = Readonly<NodeJS.Dict<readonly string[]>>;

export interface Asked extends DecodedRequest {
  readonly form: AnswerForm;
}

/** How this request wants its answer. */
export interface AnswerForm {
  readonly contentType: string;
  /** A payload as bytes of the stream, `data: …` and an empty line. A name that framing needs stands in the payload. */
  frame(payload: string): string;
  /** What says that the stream is alive, and is no event. */
  readonly comment: string;
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

/** Receives the payloads of events, in order: one call, one event, one write. */
export interface PayloadReceiver {
  event(payload: string): void;
}

export type AnswerEvent = Exclude<StreamEvent, FailedEvent>;

/**
 * Events → payloads: `begin` once at the commit, then `encode` for each event, `end` behind the last finish or `fail`
 * at any time. What it has to number or name it derives from the run's id and a counter.
 */
export interface StreamEncoder {
  begin(served: ServedIdentity, to: PayloadReceiver): void;
  encode(event: AnswerEvent, to: PayloadReceiver): void;
  /** The payload that goes out together with the end of the body; undefined where the surface has none. */
  readonly end: string | undefined;
  /** The payload that ends a torn stream; of an encoder that has not begun too, where one reader's stream ends alone. */
  fail(reason: Failure): string;
  /** An event that says nothing, for clients that do not understand comments; undefined where there is none. Behind `begin`. */
  keepalive(): string | undefined;
}

/** Events → one JSON body. */
export interface AnswerCollector {
  /** False once the answer is larger than `domain/answer-size.ts` allows: from then on nothing is kept. */
  add(event: AnswerEvent): boolean;
  /** The body, once every choice has finished. */
  body(served: ServedIdentity): string;
}
