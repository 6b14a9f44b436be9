import { request as httpRequest } from 'node:http';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type SecureContext } from 'node:tls';
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
 * Opens a socket that is ready for a request: TCP, the proxy's tunnel and TLS, all within `connectMs` milliseconds. Rejects
 * with {@link ConnectError}; an abort destroys the socket. Nagle's algorithm is off: with it, small writes wait for the other
 * side's delayed ACK (40 ms).
 *
 * Each read of the socket calls `onBytes` with a buffer and its number of bytes. The buffer is used again after the call.
 */
export async function openSocket(
  route: Route,
  connectMs: number,
  onBytes: OnBytes,
  signal: AbortSignal,
): Promise<Socket> {
  const deadline = new AbortController();
  const timer = setTimeout(() => {
    deadline.abort(new ConnectError('timeout', `no connection to ${hostOf(route)} within ${connectMs} ms`));
  }, connectMs);
  const either = AbortSignal.any([signal, deadline.signal]);
  try {
    const { origin, proxy } = route;
    const tunnelled = proxy !== undefined && origin.protocol === 'https:';
    const first = await connectTo(proxy ?? origin, route, tunnelled ? undefined : onBytes, either);
    if (!tunnelled) return first;
    const tunnel = await openTunnel(first, proxy, origin, either);
    return await startTls(tunnel, origin, route, onBytes, either);
  } catch (error) {
    if (deadline.signal.aborted) throw deadline.signal.reason;
    if (error instanceof ConnectError) throw error;
    throw new ConnectError('refused', `no connection to ${hostOf(route)}: ${describe(error)}`);
  } finally {
    clearTimeout(timer);
  }
}

type OnBytes = (buffer: Buffer, length: number) => void;

const readBytes = 64 * 1024;
/**
 * One buffer for the reads of all sockets, because `onBytes` uses the bytes within the call. Without it Node would allocate a
 * buffer of this size for each read and shrink it again. On Windows the kernel writes into a buffer between the calls, so
 * there each socket has its own.
 */
const sharedBuffer = Buffer.allocUnsafeSlow(readBytes);

/** Opens TCP to a URL's host, and TLS where its scheme is https. Without `onBytes` the socket is not read. */
async function connectTo(
  url: URL,
  route: Route,
  onBytes: OnBytes | undefined,
  signal: AbortSignal,
): Promise<Socket> {
  const secured = url.protocol === 'https:';
  const buffer = process.platform === 'win32' ? Buffer.allocUnsafeSlow(readBytes) : sharedBuffer;
  const callback = (length: number) => {
    onBytes?.(buffer, length);
    return true;
  };
  const socket = connectTcp({
    host: bareHost(url),
    port: portOf(url),
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: 60_000,
    ...(secured || onBytes === undefined ? {} : { onread: { buffer, callback } }),
  });
  await ready(socket, 'connect', signal);
  return secured ? await startTls(socket, url, route, onBytes, signal) : socket;
}

async function startTls(
  under: Socket,
  url: URL,
  route: Route,
  onBytes: OnBytes | undefined,
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
  if (onBytes !== undefined) socket.on('data', (bytes) => onBytes(bytes, bytes.length));
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
    const settle = (error?: unknown) => {
      signal.removeEventListener('abort', onAbort);
      socket.off(event, onReady);
      socket.off('error', settle);
      socket.off('close', onClose);
      if (error === undefined) {
        resolve();
        return;
      }
      // A destroyed socket may emit further errors, which without a listener would end the process.
      socket.on('error', () => {});
      socket.destroy();
      reject(error);
    };
    const onReady = () => settle();
    const onAbort = () => settle(new Error('aborted'));
    const onClose = () => settle(new Error('closed'));
    socket.once(event, onReady);
    socket.once('error', settle);
    socket.once('close', onClose);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
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
