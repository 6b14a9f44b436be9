import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Principal } from '../access/principal.ts';
import type { Failure } from '../domain/failure.ts';
import type { RequestRecord } from '../telemetry/request-log.ts';
import type { Span } from '../telemetry/traces/contract.ts';
import type { ErrorReply } from '../wire/error-reply.ts';

/** Headers of an answer; names in lower case. */
export type AnswerHeaders = Record<string, string>;

/** One request with its response, and everything that its log line needs. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Our own id, on every answer; an id that the client sent is only logged. */
  readonly requestId: string;
  /**
   * The headers of every answer to this request. They go into the one call of `writeHead`: what `setHeader` gets, a response
   * keeps for as long as its stream is open, in a table of 600 bytes.
   */
  readonly headers: AnswerHeaders;
  /** When its head arrived, in monotonic milliseconds. */
  readonly startedMs: number;
  /** When the last byte of its body had arrived, or its head where none has been read; in the same milliseconds. */
  arrivedMs: number;
  /** Raw path and raw query of the request line, undecoded. */
  readonly path: string;
  readonly query: string;
  /** The id in the path, decoded once; empty for a route without one. */
  readonly id: string;
  readonly principal: Principal;
  /** Writes a failure in the envelope of the route's surface. */
  readonly errorReply: (reason: Failure, requestId: string) => ErrorReply;
  /** The client waits for `100 Continue` before it sends its body. */
  readonly expectsContinue: boolean;
  /** Milliseconds that the client may accept nothing of its answer. */
  readonly clientWriteMs: number;
  /** The span of the request; undefined where it is not traced. */
  readonly span: Span | undefined;
  /** Filled in by the routes, written as one line when the exchange is over. */
  readonly notes: ExchangeNotes;
}

/** The fields of the request's log line, as far as they are known. */
export type ExchangeNotes = { -readonly [Field in keyof RequestRecord]?: RequestRecord[Field] };
