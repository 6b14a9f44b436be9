import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { type Cause, causeOfBug } from '../domain/cause.ts';
import { type Failure, failure } from '../domain/failure.ts';
import type { SocketReader } from '../sockets/direct-read.ts';
import { writeDirectly } from '../sockets/direct-write.ts';
import { type AnswerBody, type BodyQueue, type BodySource, createBodyQueue } from './answer-body.ts';
import { ConnectError, openSocket, type Route } from './open-socket.ts';
import type { RequestHeads, WireRequest } from './request-heads.ts';
import {
  createResponseParser,
  type ResponseHeaders,
  type ResponseListener,
  type ResponseParser,
} from './response-parser.ts';
import { reportTo, type SocketOwner } from './socket-owner.ts';

/** The head of an answer, with its body to be read. */
export interface WireAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: ResponseHeaders;
  readonly body: AnswerBody;
}

/** How {@link Connection.send} ended. */
export type SendOutcome =
  | { readonly kind: 'answer'; readonly answer: WireAnswer }
  /** `unanswered`: the connection was lost before the first byte of an answer. */
  | { readonly kind: 'failed'; readonly failure: Failure; readonly unanswered: boolean };

/** One socket, which serves requests one after the other. */
export interface Connection {
  /** Sends a request and resolves with the head of its answer. One at a time. An abort destroys the socket. */
  send(request: WireRequest, signal: AbortSignal): Promise<SendOutcome>;
  /** Destroys the socket, also within an answer. */
  destroy(): void;
}

/** What a connection reports to its pool. */
export interface ConnectionEvents {
  /** The socket is open. */
  opened(): void;
  /** The socket is closed; called once for each `opened`. */
  closed(): void;
  /** An answer is whole: the connection can serve another request within `idleMs` milliseconds. */
  idle(connection: Connection, idleMs: number): void;
  /** The connection serves no request any more. Called once. */
  gone(connection: Connection): void;
}

/**
 * After a read of this size there is probably more, and Node would read this socket up to 32 times before another one. So the
 * other sockets are served first. 64 KiB of SSE comments of five bytes each take 13 ms; two megabytes of them take 400 ms.
 */
const largeReadBytes = 16 * 1024;

/** An ASCII request up to this size is one string for Node, which encodes it on the stack and writes it in one call. */
const oneWriteBytes = 16 * 1024;

/**
 * Creates a connection; it opens its socket with its first request, within `connectMs` milliseconds. It has an HTTP/1.1 client of
 * its own, with which a relayed event costs some 5 µs less than with a general client (docs/performance.md).
 */
export function createConnection(
  route: Route,
  heads: RequestHeads,
  connectMs: number,
  events: ConnectionEvents,
): Connection {
  return new SocketConnection(route, heads, connectMs, events);
}

/**
 * All that a request needs here, apart from parser and body: it lives as long as a stream, and an open stream should take little
 * memory (decisions/0006). So the connection itself is the listener of its socket, of the parser and of the abort.
 */
class SocketConnection implements Connection, SocketOwner, SocketReader, ResponseListener, BodySource {
  private readonly route: Route;
  private readonly heads: RequestHeads;
  private readonly connectMs: number;
  private readonly events: ConnectionEvents;
  private socket: Socket | undefined;
  /** Only while the socket is opened. */
  private opening: AbortController | undefined;
  private socketError: Error | undefined;
  private destroyed = false;

  /** Undefined between two requests. */
  private parser: ResponseParser | undefined;
  /** Set from the head of the answer to its end. */
  private queue: BodyQueue | undefined;
  /** Ends the promise of the request; undefined once the head has come. */
  private resolve: ((outcome: SendOutcome) => void) | undefined;
  /**
   * The signal of the request until `detach()`. It is weak: where the caller has dropped its controller, nothing can abort the
   * request any more, and a silent stream need not keep the two and their listeners (600 bytes).
   */
  private signal: WeakRef<AbortSignal> | undefined;
  /** Whether the first byte of the answer has come. */
  private answerBegun = false;
  /** False while the body has paused the socket. */
  private wanted = true;
  /** True after a large read, until other sockets have been served. */
  private yielding = false;

  constructor(route: Route, heads: RequestHeads, connectMs: number, events: ConnectionEvents) {
    this.route = route;
    this.heads = heads;
    this.connectMs = connectMs;
    this.events = events;
  }

  send(request: WireRequest, signal: AbortSignal): Promise<SendOutcome> {
    const { body } = request;
    const bodyBytes = Buffer.byteLength(body);
    let head: string;
    try {
      head = this.heads.headOf(request, bodyBytes);
    } catch (error) {
      this.destroy();
      const detail = error instanceof Error ? error.message : String(error);
      return Promise.resolve({ kind: 'failed', failure: refused(detail), unanswered: false });
    }
    this.signal = new WeakRef(signal);
    signal.addEventListener('abort', this);
    if (signal.aborted) this.destroy();
    return this.socket === undefined && !this.destroyed
      ? this.sendOnNew(head, body, bodyBytes)
      : this.exchange(head, body, bodyBytes);
  }

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.opening?.abort(new Error('aborted'));
    this.socket?.destroy();
    this.fail(lost(this.socketError, this.queue !== undefined), true);
    this.events.gone(this);
  }

  /** The signal of the request was aborted. */
  handleEvent(): void {
    this.destroy();
  }

  detach(): void {
    this.signal?.deref()?.removeEventListener('abort', this);
    this.signal = undefined;
  }

  pause(): void {
    this.wanted = false;
    this.socket?.pause();
  }

  resume(): void {
    this.wanted = true;
    if (!this.yielding) this.socket?.resume();
  }

  bytesRead(buffer: Buffer, length: number): void {
    try {
      this.takeBytes(buffer, length);
    } catch (bug) {
      // Thrown further, a bug in one stream would end the process with all its streams.
      this.socketError = bug instanceof Error ? bug : new Error(String(bug));
      this.destroy();
    }
  }

  socketFailed(error: Error): void {
    this.socketError = error;
  }

  socketEnded(): void {
    this.parser?.close();
    this.destroy();
  }

  socketClosed(): void {
    this.events.closed();
    this.destroy();
  }

  head(status: number, headers: ResponseHeaders): void {
    const queue = createBodyQueue(this);
    this.queue = queue;
    this.resolve?.({ kind: 'answer', answer: { status, headers, body: queue.body } });
    this.resolve = undefined;
  }

  body(buffer: Buffer, from: number, to: number): void {
    this.queue?.push(buffer, from, to);
  }

  end(idleMs: number): void {
    const { queue, socket } = this;
    this.detach();
    this.parser = undefined;
    this.queue = undefined;
    queue?.end(undefined);
    // Where the answer ended before its request was sent, the socket cannot serve another request.
    if (idleMs === 0 || this.destroyed || socket === undefined || isUnsent(socket)) {
      this.destroy();
      return;
    }
    this.wanted = true;
    socket.resume();
    this.events.idle(this, idleMs);
  }

  private async sendOnNew(head: string, body: string, bodyBytes: number): Promise<SendOutcome> {
    const problem = await this.open();
    if (problem !== undefined) {
      this.detach();
      this.destroy();
      return { kind: 'failed', failure: unreachable(problem), unanswered: false };
    }
    return this.exchange(head, body, bodyBytes);
  }

  private async open(): Promise<ConnectError | undefined> {
    const opening = new AbortController();
    this.opening = opening;
    try {
      const socket = await openSocket(this.route, this.connectMs, this, opening);
      this.events.opened();
      reportTo(socket, this);
      this.socket = socket;
      if (this.destroyed) socket.destroy();
      return undefined;
    } catch (error) {
      if (error instanceof ConnectError) return error;
      throw error;
    } finally {
      this.opening = undefined;
    }
  }

  /** Writes a request to the open socket. */
  private exchange(head: string, body: string, bodyBytes: number): Promise<SendOutcome> {
    const { socket } = this;
    if (this.destroyed || socket === undefined || socket.destroyed) {
      this.detach();
      this.destroy();
      return Promise.resolve({ kind: 'failed', failure: lost(this.socketError, false), unanswered: true });
    }
    return new Promise((resolve) => {
      this.resolve = resolve;
      this.answerBegun = false;
      this.parser = createResponseParser(this);
      if (bodyBytes === body.length && bodyBytes <= oneWriteBytes) {
        if (socket instanceof TLSSocket) socket.write(head + body, 'latin1');
        else writeDirectly(socket, head + body);
      } else {
        socket.cork();
        socket.write(head, 'latin1');
        socket.write(body);
        socket.uncork();
      }
    });
  }

  private takeBytes(buffer: Buffer, length: number): void {
    const { parser } = this;
    if (parser === undefined) {
      // Bytes without a request are no answer.
      this.destroy();
      return;
    }
    this.answerBegun = true;
    const problem = parser.push(buffer, length);
    if (problem !== undefined) {
      const what = 'The upstream sent something that is not HTTP.';
      this.fail(failure('upstream_protocol', what, { detail: problem }), false);
      this.destroy();
    }
    this.queue?.flush();
    if (length >= largeReadBytes && this.wanted && !this.destroyed) this.yieldToOthers();
  }

  /** Ends the request, where there is one: its promise, or the body of its answer. */
  private fail(reason: Failure, connectionLost: boolean): void {
    if (this.parser === undefined) return;
    const { queue, resolve } = this;
    this.parser = undefined;
    this.queue = undefined;
    this.resolve = undefined;
    this.detach();
    queue?.end(reason);
    resolve?.({ kind: 'failed', failure: reason, unanswered: connectionLost && !this.answerBegun });
  }

  private yieldToOthers(): void {
    this.yielding = true;
    this.socket?.pause();
    setImmediate(() => {
      this.yielding = false;
      if (this.wanted && !this.destroyed) this.socket?.resume();
    });
  }
}

function isUnsent(socket: Socket): boolean {
  return socket.destroyed || socket.writableLength > 0;
}

function refused(detail: string): Failure {
  return failure('upstream_refused', 'The upstream could not be reached.', { detail });
}

function unreachable({ kind, message }: ConnectError): Failure {
  if (kind !== 'timeout') return refused(message);
  return failure('upstream_refused', 'The upstream did not accept the connection in time.', {
    detail: message,
  });
}

/**
 * An error of the system names hosts and ports. Any other error is a bug in a stream, and may quote bytes of the
 * answer.
 */
function causeOfLoss(error: Error): Cause {
  return 'code' in error ? { detail: error.message } : causeOfBug(error);
}

/** The failure of a request whose connection ended, with or without an error; `answering`: within the body of its answer. */
function lost(error: Error | undefined, answering: boolean): Failure {
  const cause = error === undefined ? { detail: 'the other side closed the connection' } : causeOfLoss(error);
  if (answering) {
    return failure('upstream_cut', 'The upstream broke off its answer.', cause);
  }
  return failure('upstream_refused', 'The upstream closed the connection before it answered.', cause);
}
