import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { failure } from '../domain/failure.ts';
import { errorReply } from '../wire/error-reply.ts';
import { breakBody, type Refusal } from './broken-body.ts';
import { type DetachedSocket, detachFromParser } from './close-gently.ts';
import { type ClientError, describeBodyError, describeClientError } from './describe-client-error.ts';

/** A refusal that no route has seen, for the log. */
export interface MalformedRequest {
  readonly requestId: string;
  readonly status: number;
  /** What the HTTP parser calls it: `HPE_INVALID_METHOD`. */
  readonly reason: string;
}

export interface ConnectionsOptions {
  readonly maxHeaderBytes: number;
  newRequestId(): string;
  onMalformed(request: MalformedRequest): void;
}

/**
 * Which answers are under way on each connection. So malformed bytes are refused after the answers to the requests before
 * them, and never inside one:
 *
 *     good, good, broken head   →  answer, answer, 400, close
 *     good, good, broken body   →  answer, answer, the third request's own answer is the 400, close
 *
 * After one refusal a connection reads no more requests.
 */
export interface Connections {
  /** Before each request is handled. */
  requestCame(request: IncomingMessage, response: ServerResponse): void;
  /** For the server's `clientError`. */
  parserGaveUp(error: ClientError, socket: Duplex): void;
  /** For the server's `connect`, where Node has removed its own listeners from the socket. */
  connectCame(socket: Duplex): void;
  /**
   * Resets each connection that still lacks a part of an answer. A close in order would be the end of an answer to an HTTP/1.0
   * client, and so of one that passes a proxy which speaks it: it would take the part for the whole.
   */
  resetUnfinished(): void;
}

interface Connection {
  /** Answers under way, nearly always one. */
  readonly answers: ServerResponse[];
  /** The newest answer that is under way itself, or whose request's body is. */
  newest: ServerResponse | undefined;
  /** Runs when the last answer under way has ended. */
  afterAnswers: (() => void) | undefined;
  refused: boolean;
}

const noTunnel: Refusal = {
  status: 405,
  failure: failure('method_not_allowed', 'CONNECT is not served: this server is no proxy.'),
};

export function createConnections(options: ConnectionsOptions): Connections {
  const connections = new WeakMap<Duplex, Connection>();
  /** Of all connections. */
  const underWay = new Set<ServerResponse>();
  const connectionOf = (socket: Duplex): Connection => {
    const known = connections.get(socket);
    if (known !== undefined) return known;
    const made: Connection = {
      answers: [],
      newest: undefined,
      afterAnswers: undefined,
      refused: false,
    };
    connections.set(socket, made);
    return made;
  };

  /** The listener of every answer: one function for all, because a stream keeps its listeners as long as it is open. */
  function answerClosed(this: ServerResponse): void {
    const connection = connectionOf(this.req.socket);
    const { answers } = connection;
    underWay.delete(this);
    const at = answers.indexOf(this);
    if (at >= 0) answers.splice(at, 1);
    // So an idle connection keeps no reference to its last request.
    if (connection.newest === this && this.req.complete) connection.newest = undefined;
    if (answers.length === 0) connection.afterAnswers?.();
  }

  /** Writes the refusal after the answers under way; where these close the connection, nothing is written. */
  const refuse = (
    connection: Connection,
    socket: Socket,
    detached: DetachedSocket,
    refusal: Refusal,
    reason: string,
  ) => {
    afterAnswers(connection, () => {
      if (socket.writable) {
        const requestId = options.newRequestId();
        socket.write(refusalBytes(refusal, requestId));
        // A connection on which no byte came, such as one that a browser opens in advance, is not reported.
        if (socket.bytesRead > 0) options.onMalformed({ requestId, status: refusal.status, reason });
      }
      detached.close();
    });
  };

  return {
    requestCame(request, response) {
      const connection = connectionOf(request.socket);
      connection.answers.push(response);
      connection.newest = response;
      underWay.add(response);
      response.on('close', answerClosed);
    },

    parserGaveUp(error, socket) {
      const connection = connectionOf(socket);
      // The parser repeats its error for every byte that follows.
      if (connection.refused) return;
      connection.refused = true;
      const { newest } = connection;
      const body = newest !== undefined && !newest.req.complete;
      const refusal = body
        ? describeBodyError(error, options.maxHeaderBytes)
        : describeClientError(error, options.maxHeaderBytes);
      if (refusal === undefined || !socket.writable || !(socket instanceof Socket)) {
        socket.destroy();
        return;
      }
      const detached = detachFromParser(socket);
      if (!body) {
        refuse(connection, socket, detached, refusal, error.code ?? '');
        return;
      }
      if (!newest.headersSent) newest.shouldKeepAlive = false;
      breakBody(newest.req, refusal);
      afterAnswers(connection, detached.close);
    },

    connectCame(socket) {
      if (!(socket instanceof Socket)) {
        socket.destroy();
        return;
      }
      const connection = connectionOf(socket);
      connection.refused = true;
      // Node has removed its listeners: without these an error would be thrown, and the socket's end would go unnoticed.
      socket.on('error', () => {});
      socket.once('close', () => {
        for (const response of connection.answers) response.destroy();
      });
      refuse(connection, socket, detachFromParser(socket), noTunnel, 'CONNECT');
    },

    resetUnfinished() {
      for (const { req } of underWay) req.socket.resetAndDestroy();
    },
  };
}

function afterAnswers(connection: Connection, run: () => void): void {
  if (connection.answers.length === 0) run();
  else connection.afterAnswers = run;
}

/** A refusal in the usual envelope, for requests for which Node makes no response object. */
function refusalBytes({ failure: reason, status }: Refusal, requestId: string): string {
  const { headers, body } = errorReply(reason);
  const lines = Object.entries({
    'content-type': 'application/json; charset=utf-8',
    ...headers,
    'content-length': String(body.length),
    connection: 'close',
    'x-request-id': requestId,
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`;
}
