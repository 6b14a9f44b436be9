import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import type { Duplex } from 'node:stream';
import type { ListenAddress } from '../config/config.ts';
import { createConnections, type MalformedRequest } from './connections.ts';
import { createParserFeed } from './parser-feed.ts';

const maxHeaderBytes = 32 * 1024;
/** Longer than the 60 s after which usual load balancers close idle connections: so it is never our side that closes first. */
const keepAliveMs = 75_000;

/** How long a request may take to arrive, in milliseconds; an answer may take as long as it takes. */
export interface ArrivalLimits {
  readonly headersMs: number;
  /** Head and body. */
  readonly requestMs: number;
  /** How often the server looks for requests that took longer. */
  readonly checkEveryMs: number;
}

const defaultArrivalLimits: ArrivalLimits = { headersMs: 20_000, requestMs: 120_000, checkEveryMs: 2_000 };

export interface HttpServer {
  /** Binds. Rejects with the system's error (EADDRINUSE, EACCES, …). Resolves with the real port. */
  listen(address: ListenAddress): Promise<number>;
  /** Serves a connection that another process has accepted. The caller has read nothing from it. */
  take(socket: Socket): void;
  /** Takes no new connections and closes idle ones; resolves when the last has gone. */
  close(): Promise<void>;
  /** Closes everything now; what has not got its whole answer is reset. */
  destroy(): void;
}

export function createHttpServer(
  handle: (request: IncomingMessage, response: ServerResponse, expectsContinue: boolean) => Promise<void>,
  newRequestId: () => string,
  onMalformed: (request: MalformedRequest) => void,
  arrival: ArrivalLimits = defaultArrivalLimits,
): HttpServer {
  const server = createServer({
    maxHeaderSize: maxHeaderBytes,
    keepAliveTimeout: keepAliveMs,
    headersTimeout: arrival.headersMs,
    requestTimeout: arrival.requestMs,
    connectionsCheckingInterval: arrival.checkEveryMs,
    noDelay: true,
    // If true, Node answers a missing Host with an empty 400; the handler answers it with an envelope.
    requireHostHeader: false,
  });
  // Beyond a count Node drops headers silently; here the size of the head is the bound.
  server.maxHeadersCount = 0;
  const connections = createConnections({ maxHeaderBytes, newRequestId, onMalformed });
  const handleRequest = (request: IncomingMessage, response: ServerResponse, expectsContinue: boolean) => {
    connections.requestCame(request, response);
    void handle(request, response, expectsContinue);
  };
  server.on('request', (request: IncomingMessage, response: ServerResponse) =>
    handleRequest(request, response, false),
  );
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) =>
    handleRequest(request, response, true),
  );
  // `100-continue` has its own event; any other expectation is ignored, like an unknown header.
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) =>
    handleRequest(request, response, false),
  );
  const feed = createParserFeed({ now: () => performance.now(), later: setImmediate });
  // After Node's own listener, which makes the parser.
  server.on('connection', (socket: Socket) => feed.take(socket));
  server.on('clientError', connections.parserGaveUp);
  server.on('connect', (_request: IncomingMessage, socket: Duplex) => connections.connectCame(socket));

  /** Node watches for requests that take too long to arrive only in a server that listens. */
  let watches = false;

  return {
    listen: (address) => listen(server, address),
    take(socket) {
      if (!watches && !server.listening) server.emit('listening');
      watches = true;
      // As a listening server has it: a client that has sent its request may close its side.
      socket.allowHalfOpen = true;
      socket.setNoDelay(true);
      server.emit('connection', socket);
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
      }),
    destroy: () => {
      // First: `close` counts an answer that was ended as done, also where its bytes still wait, and destroys its connection.
      connections.resetUnfinished();
      server.close();
      server.closeAllConnections();
    },
  };
}

function listen(server: Server, { host, port }: ListenAddress): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      // From now on an error concerns one accepted connection (too many open files), and only that one is lost.
      server.on('error', () => {});
      const bound = server.address();
      resolve(typeof bound === 'object' && bound !== null ? bound.port : port);
    });
  });
}
