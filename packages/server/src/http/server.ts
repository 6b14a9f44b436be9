import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { asciiJson } from '@tailrace/protocol';
import type { ListenAddress } from '../config/config.ts';

const maxHeaderBytes = 32 * 1024;
/** Longer than the 60 s after which the usual balancers close idle connections, or they meet ours closing. */
const keepAliveMs = 75_000;
const headersMs = 20_000;
/** For a whole request to arrive; an answer may take as long as it takes. */
const requestMs = 120_000;

export interface HttpServer {
  /** Binds. Rejects with the system's error (EADDRINUSE, EACCES, …). Resolves with the real port. */
  listen(address: ListenAddress): Promise<number>;
  /** Takes no new connections and closes idle ones; resolves when the last has gone. */
  close(): Promise<void>;
  /** Closes everything now. */
  destroy(): void;
}

export function createHttpServer(
  handle: (request: IncomingMessage, response: ServerResponse, expectsContinue: boolean) => Promise<void>,
  newRequestId: () => string,
): HttpServer {
  const server = createServer({
    maxHeaderSize: maxHeaderBytes,
    keepAliveTimeout: keepAliveMs,
    headersTimeout: headersMs,
    requestTimeout: requestMs,
    connectionsCheckingInterval: 2_000,
    noDelay: true,
    // Without it Node answers a missing Host with an empty 400; the route decides, and says something.
    requireHostHeader: false,
  });
  /** How many answers are under way on a socket: what is no request must not be answered into one of them. */
  const underWay = new WeakMap<Duplex, number>();
  const take = (request: IncomingMessage, response: ServerResponse, expectsContinue: boolean) => {
    const { socket } = request;
    underWay.set(socket, (underWay.get(socket) ?? 0) + 1);
    response.once('close', () => underWay.set(socket, (underWay.get(socket) ?? 1) - 1));
    void handle(request, response, expectsContinue);
  };
  server.on('request', (request: IncomingMessage, response: ServerResponse) =>
    take(request, response, false),
  );
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) =>
    take(request, response, true),
  );
  // The only expectation there is has its own event; any other is ignored like a header nobody knows.
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) =>
    take(request, response, false),
  );
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    answerClientError(error, socket, newRequestId(), (underWay.get(socket) ?? 0) > 0);
  });

  return {
    listen: (address) => listen(server, address),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
      }),
    destroy: () => {
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
      const bound = server.address();
      resolve(typeof bound === 'object' && bound !== null ? bound.port : port);
    });
  });
}

/** What never became a request: an envelope all the same, unless another answer is under way. */
function answerClientError(
  error: NodeJS.ErrnoException,
  socket: Duplex,
  requestId: string,
  answering: boolean,
): void {
  if (!socket.writable || error.code === 'ECONNRESET' || answering) {
    socket.destroy();
    return;
  }
  const [status, message] = describeClientError(error.code);
  const body = asciiJson({
    error: { message, type: 'invalid_request_error', param: null, code: 'invalid_value' },
  });
  socket.end(
    `HTTP/1.1 ${status}\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: ${body.length}\r\n` +
      `connection: close\r\nx-request-id: ${requestId}\r\n\r\n${body}`,
  );
}

function describeClientError(code: string | undefined): [status: string, message: string] {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return [
        '431 Request Header Fields Too Large',
        `The request's headers are larger than ${maxHeaderBytes} bytes.`,
      ];
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return ['408 Request Timeout', 'The request did not arrive in time.'];
    default:
      return ['400 Bad Request', 'This is not a well-formed HTTP/1.1 request.'];
  }
}
