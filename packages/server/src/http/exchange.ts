import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Principal } from '../access/authenticator.ts';
import type { Failure } from '../domain/failure.ts';
import type { RequestRecord } from '../telemetry/request-log.ts';
import type { ErrorReply } from '../wire/error-reply.ts';

/** One request on its way through the routes, and everything the log line will want to know of it. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Ours, on every answer; a client's own goes to the log only. */
  readonly requestId: string;
  /** When it arrived, in monotonic milliseconds. */
  readonly startedMs: number;
  /** Raw path and raw query of the request line, undecoded. */
  readonly path: string;
  readonly query: string;
  /** What a route with an id in its path matched, decoded once. */
  readonly id: string;
  readonly principal: Principal;
  /** A failure in the envelope of the surface that the route serves. */
  readonly errorReply: (reason: Failure, requestId: string) => ErrorReply;
  /** The client waits for `100 Continue` before it sends its body. */
  readonly expectsContinue: boolean;
  /** How long the client may take nothing of its answer. */
  readonly clientWriteMs: number;
  /** Filled in by the routes, written as one line when the exchange is over. */
  readonly notes: ExchangeNotes;
}

/** The request's log record in the making. */
export type ExchangeNotes = { -readonly [Field in keyof RequestRecord]?: RequestRecord[Field] };
