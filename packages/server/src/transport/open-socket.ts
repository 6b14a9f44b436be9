import { request as httpRequest } from 'node:http';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type SecureContext } from 'node:tls';
import { proxyAuthorization } from './proxy.ts';

/** Where a socket leads, and by which way. */
export interface Route {
  readonly origin: URL;
  /** Set: to the proxy, and for an https origin by CONNECT through it. */
  readonly proxy: URL | undefined;
  /** Which certificates are trusted; undefined: Node's own. */
  readonly secureContext: SecureContext | undefined;
}

/** Why no connection came about; `kind` decides, `message` is for the log. */
export class ConnectError extends Error {
  readonly kind: 'timeout' | 'refused' | 'proxy';
  constructor(kind: ConnectError['kind'], message: string) {
    super(message);
    this.kind = kind;
  }
}

/**
 * Opens a connection that is ready for a request: TCP, the proxy's consent and TLS, all of it within
 * `connectMs`. Rejects with {@link ConnectError}; aborting destroys what was begun. Nagle's algorithm is
 * off: with it, small writes wait for the other side's delayed ACK (40 ms).
 *
 * What the other side sends goes to `onBytes`, a buffer's first bytes, which it may not keep: the buffer is used again.
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
  const give = AbortSignal.any([signal, deadline.signal]);
  try {
    const { origin, proxy } = route;
    const tunnelled = proxy !== undefined && origin.protocol === 'https:';
    const first = await dial(proxy ?? origin, route, tunnelled ? undefined : onBytes, give);
    if (!tunnelled) return first;
    const tunnel = await openTunnel(first, proxy, origin, give);
    return await secure(tunnel, origin, route, onBytes, give);
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
 * One buffer for all reads of all sockets: bytes are handed on within the call that read them. Otherwise Node
 * makes a buffer of this size for every read and cuts it down again. On Windows the kernel writes into buffers
 * between calls, and each socket needs its own.
 */
const sharedBuffer = Buffer.allocUnsafeSlow(readBytes);

/** TCP to a URL's host, and TLS where its scheme asks for it; without `onBytes` nobody reads yet. */
async function dial(
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
  return secured ? await secure(socket, url, route, onBytes, signal) : socket;
}

async function secure(
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
    // A certificate is asked for by name; addresses have none (RFC 6066, section 3).
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

/** Resolves when the socket is ready; whatever else happens destroys it and rejects. */
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
      // A destroyed socket may still report what went wrong; nobody is left to hear it.
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
