import { createConnection, type Socket } from 'node:net';
import { isInterim, parseResponses, type RawResponse } from './http-bytes.ts';
import { until } from './until.ts';

/** A TCP connection driven by hand. Close it in `finally`, or with `await using`. */
export interface RawConnection extends AsyncDisposable {
  send(data: string | Buffer): void;
  /** Every read as the socket delivered it: tests see here that one event is one write. */
  reads(): readonly Buffer[];
  received(): Buffer;
  /** Final responses so far, the last one perhaps incomplete. */
  responses(): RawResponse[];
  /** Interim responses (100 Continue) too. */
  allResponses(): RawResponse[];
  /** The n-th final response (from 0), once it is complete. */
  response(index?: number, withinMs?: number): Promise<RawResponse>;
  /** Undefined while it is open. */
  closed(): 'end' | 'reset' | undefined;
  /** Waits until the server has ended the connection. */
  untilClosed(withinMs?: number): Promise<'end' | 'reset'>;
  /** Stops reading: what the server sends stays in the kernel's buffers. */
  pause(): void;
  resume(): void;
  /** Half-closes. */
  end(): void;
  /** Closes at once, as a client that is killed. */
  destroy(): void;
}

const patienceMs = 30_000;

export async function connect(port: number, methods: readonly string[] = []): Promise<RawConnection> {
  const socket: Socket = createConnection({ port, host: '127.0.0.1', allowHalfOpen: true });
  const reads: Buffer[] = [];
  let closed: 'end' | 'reset' | undefined;
  socket.on('data', (bytes) => reads.push(bytes));
  socket.on('end', () => {
    closed ??= 'end';
  });
  socket.on('error', () => {
    closed ??= 'reset';
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve).once('error', reject);
  });
  socket.setNoDelay(true);

  const all = (): RawResponse[] =>
    parseResponses(Buffer.concat(reads), {
      closed: closed === 'end',
      head: (index) => methods[index] === 'HEAD',
    });
  const final = (): RawResponse[] => all().filter((response) => !isInterim(response.status));

  return {
    send: (data) => void socket.write(data),
    reads: () => reads,
    received: () => Buffer.concat(reads),
    responses: final,
    allResponses: all,
    response: (index = 0, withinMs = patienceMs) =>
      until(`response ${index} to be complete`, withinMs, () => {
        const response = final()[index];
        if (response?.complete === true) return response;
        if (closed !== undefined) {
          throw new Error(`the connection ended (${closed}) in:\n${Buffer.concat(reads).toString('latin1')}`);
        }
        return undefined;
      }),
    closed: () => closed,
    untilClosed: (withinMs = patienceMs) => until('the server to close', withinMs, () => closed),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    end: () => void socket.end(),
    destroy: () => void socket.destroy(),
    async [Symbol.asyncDispose]() {
      socket.destroy();
    },
  };
}

export interface RequestParts {
  readonly method?: string;
  readonly path: string;
  readonly version?: '1.0' | '1.1';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

/** A request as bytes. Content-Length is added where there is a body and no framing was given. */
export function requestBytes(parts: RequestParts): Buffer {
  const version = parts.version ?? '1.1';
  const headers: Record<string, string> = {
    ...(version === '1.1' ? { Host: '127.0.0.1' } : {}),
    ...parts.headers,
  };
  const names = new Set(Object.keys(headers).map((name) => name.toLowerCase()));
  const body = Buffer.from(parts.body ?? '');
  if (parts.body !== undefined && !names.has('content-length') && !names.has('transfer-encoding')) {
    headers['Content-Length'] = String(body.length);
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const method = parts.method ?? (parts.body === undefined ? 'GET' : 'POST');
  return Buffer.concat([
    Buffer.from(`${method} ${parts.path} HTTP/${version}\r\n${lines.join('')}\r\n`, 'latin1'),
    body,
  ]);
}
