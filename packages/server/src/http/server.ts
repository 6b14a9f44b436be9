import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Socket } from 'node:net';
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
  server.on(
    'request',
    (request: IncomingMessage, response: ServerResponse) => void handle(request, response, false),
  );
  server.on(
    'checkContinue',
    (request: IncomingMessage, response: ServerResponse) => void handle(request, response, true),
  );
  server.on('clientError', (error, socket) => answerClientError(error, socket, newRequestId()));

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

/** What never became a request: an envelope all the same, as long as nothing was answered on the socket. */
function answerClientError(error: NodeJS.ErrnoException, socket: Duplex, requestId: string): void {
  const answered = socket instanceof Socket && socket.bytesWritten > 0;
  if (!socket.writable || error.code === 'ECONNRESET' || answered) {
    socket.destroy();
    return;
  }
  const [status, message] = describeClientError(error.code);
  const body = asciiJson({
    error: { message, type: 'invalid_request_error', param: null, code: 'invalid_value' },
  });
  socket.end(
    `HTTP/1.1 ${status}\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: ${body.length}\r\n` +
      `connection: close\r\nx-request-id: ${requestId}\r\nx-should-retry: false\r\n\r\n${body}`,
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
