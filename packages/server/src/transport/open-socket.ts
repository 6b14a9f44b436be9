import { request as httpRequest } from 'node:http';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type SecureContext } from 'node:tls';
import { readDirectly, readOptions, type SocketReader } from '../sockets/direct-read.ts';
import { proxyAuthorization } from './proxy.ts';

/** The origin that a socket leads to, and the way there. */
export interface Route {
  readonly origin: URL;
  /** Where it is set, the socket goes to this proxy; for an https origin CONNECT opens a tunnel through it. */
  readonly proxy: URL | undefined;
  /** The certificates that are trusted; undefined: those that Node trusts. */
  readonly secureContext: SecureContext | undefined;
}

/** Why a connection could not be opened. Code decides by `kind`; `message` is for the log. */
export class ConnectError extends Error {
  readonly kind: 'timeout' | 'refused' | 'proxy';
  constructor(kind: ConnectError['kind'], message: string) {
    super(message);
    this.kind = kind;
  }
}

/**
 * Opens a socket that is ready for a request: TCP, the proxy's tunnel and TLS, all within `connectMs` milliseconds, after which
 * it aborts `opening` itself. Rejects with {@link ConnectError}; an abort of `opening` destroys the socket. Nagle's algorithm is
 * off: with it, small writes wait for the other side's delayed ACK (40 ms).
 */
export async function openSocket(
  route: Route,
  connectMs: number,
  reader: SocketReader,
  opening: AbortController,
): Promise<Socket> {
  const timer = setTimeout(() => {
    opening.abort(new ConnectError('timeout', `no connection to ${hostOf(route)} within ${connectMs} ms`));
  }, connectMs);
  const { signal } = opening;
  try {
    const { origin, proxy } = route;
    const tunnelled = proxy !== undefined && origin.protocol === 'https:';
    const first = await connectTo(proxy ?? origin, route, tunnelled ? undefined : reader, signal);
    if (!tunnelled) return first;
    const tunnel = await openTunnel(first, proxy, origin, signal);
    return await startTls(tunnel, origin, route, reader, signal);
  } catch (error) {
    const reason: unknown = signal.aborted ? signal.reason : error;
    if (reason instanceof ConnectError) throw reason;
    throw new ConnectError('refused', `no connection to ${hostOf(route)}: ${describe(reason)}`);
  } finally {
    clearTimeout(timer);
  }
}

/** Opens TCP to a URL's host, and TLS where its scheme is https. Without `reader` the socket is not read. */
async function connectTo(
  url: URL,
  route: Route,
  reader: SocketReader | undefined,
  signal: AbortSignal,
): Promise<Socket> {
  const secured = url.protocol === 'https:';
  const socket = connectTcp({
    host: bareHost(url),
    port: portOf(url),
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: 60_000,
    ...(secured || reader === undefined ? {} : { onread: readOptions(reader) }),
  });
  await ready(socket, 'connect', signal);
  if (secured) return await startTls(socket, url, route, reader, signal);
  if (reader !== undefined) readDirectly(socket, reader);
  return socket;
}

async function startTls(
  under: Socket,
  url: URL,
  route: Route,
  reader: SocketReader | undefined,
  signal: AbortSignal,
): Promise<Socket> {
  const host = bareHost(url);
  const socket = connectTls({
    socket: under,
    host,
    ALPNProtocols: ['http/1.1'],
    // A server name must be a DNS name, not an address (RFC 6066, section 3).
    ...(/^[\d.]+$|:/.test(host) ? {} : { servername: host }),
    ...(route.secureContext === undefined ? {} : { secureContext: route.secureContext }),
  });
  await ready(socket, 'secureConnect', signal);
  if (reader !== undefined) socket.on('data', (bytes) => reader.bytesRead(bytes, bytes.length));
  return socket;
}

function openTunnel(socket: Socket, proxy: URL, origin: URL, signal: AbortSignal): Promise<Socket> {
  const authorization = proxyAuthorization(proxy);
  const target = `${origin.hostname}:${portOf(origin)}`;
  return new Promise((resolve, reject) => {
    const refuse = (error: Error) => {
      socket.destroy();
      reject(error);
    };
    const request = httpRequest({
      method: 'CONNECT',
      path: target,
      createConnection: () => socket,
      headers: {
        host: target,
        ...(authorization === undefined ? {} : { 'proxy-authorization': authorization }),
      },
      signal,
    });
    request.once('connect', (response, _tunnel, head) => {
      if (response.statusCode !== 200 || head.length > 0) {
        refuse(new ConnectError('proxy', `the proxy answered CONNECT with ${response.statusCode}`));
      } else resolve(socket);
    });
    request.once('response', (response) => {
      refuse(new ConnectError('proxy', `the proxy answered CONNECT with ${response.statusCode}`));
    });
    request.once('error', refuse);
    request.end();
  });
}

/** Resolves at this event. An error, a close or an abort before it destroys the socket and rejects. */
function ready(socket: Socket, event: 'connect' | 'secureConnect', signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = () => {
      signal.removeEventListener('abort', onAbort);
      socket.off(event, onReady);
      socket.off('error', refuse);
      socket.off('close', onClose);
    };
    const refuse = (error: unknown) => {
      settle();
      // A destroyed socket may emit further errors, which without a listener would end the process.
      socket.on('error', () => {});
      socket.destroy();
      reject(error);
    };
    const onReady = () => {
      settle();
      resolve();
    };
    const onAbort = () => refuse(signal.reason);
    const onClose = () => refuse(new Error('closed'));
    socket.on(event, onReady);
    socket.on('error', refuse);
    socket.on('close', onClose);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort);
  });
}

function hostOf({ origin, proxy }: Route): string {
  return proxy === undefined ? origin.host : `${origin.host} by way of ${proxy.host}`;
}

function bareHost(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}

function portOf(url: URL): number {
  if (url.port !== '') return Number(url.port);
  return url.protocol === 'https:' ? 443 : 80;
}

function describe(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(describe).join(', ');
  return error instanceof Error ? error.message : String(error);
}
