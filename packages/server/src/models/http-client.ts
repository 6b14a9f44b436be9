import { readFile } from 'node:fs/promises';
import { getCACertificates } from 'node:tls';
import { type Dispatcher, EnvHttpProxyAgent, request } from 'undici';
import { errorCode } from '../domain/error-code.ts';
import { type ModelFailure, type ModelResult, missing } from './model-result.ts';
import { type Credentials, netrcEntry } from './netrc.ts';
import type { NetworkSettings } from './source-settings.ts';

/** How long the client waits for a source. Times are milliseconds. */
export interface Patience {
  readonly connectMs: number;
  /** The longest time without a byte, before the answer and within it. */
  readonly stallMs: number;
  /** The wait before the first resume; it doubles after each resume that has brought no bytes. */
  readonly backoffMs: number;
  /** How many resumes in succession may bring less than a mebibyte. */
  readonly barrenResumes: number;
}

export const defaultPatience: Patience = {
  connectMs: 5_000,
  stallMs: 20_000,
  backoffMs: 500,
  barrenResumes: 4,
};

export interface HttpAnswer {
  readonly status: number;
  /** By lower-case name. Of a repeated header the first value. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Dispatcher.ResponseData['body'];
  /** The URL after all redirects, without credentials. */
  readonly url: string;
}

export interface HttpRequest {
  readonly method?: 'GET' | 'HEAD';
  readonly headers?: Readonly<Record<string, string>>;
  /** False: a redirect is returned as the answer. */
  readonly follow?: boolean;
  readonly signal: AbortSignal;
}

/** GET requests with the proxies and certificates of this machine. The owner calls `close()`. */
export interface HttpClient {
  get(url: string, options: HttpRequest): Promise<ModelResult<HttpAnswer>>;
  close(): Promise<void>;
}

const redirects = new Set([301, 302, 303, 307, 308]);

export async function openHttpClient(network: NetworkSettings, patience: Patience): Promise<HttpClient> {
  const ca = await certificates(network.caFiles);
  const tls = { ...(ca !== undefined && { ca }), timeout: patience.connectMs };
  const netrc = await readFile(network.netrcFile, 'utf8').catch(() => '');
  const agent = new EnvHttpProxyAgent({
    httpProxy: network.httpProxy,
    httpsProxy: network.httpsProxy,
    noProxy: network.noProxy,
    connect: tls,
    requestTls: tls,
    proxyTls: tls,
    allowH2: false,
    headersTimeout: patience.stallMs,
    bodyTimeout: patience.stallMs,
  });

  async function get(url: string, options: HttpRequest): Promise<ModelResult<HttpAnswer>> {
    let target = new URL(url);
    let headers = { ...options.headers };
    for (let hops = 0; hops < 6; hops++) {
      const { bare, credentials } = splitCredentials(target, netrc);
      const answer = await ask(bare, authorised(headers, credentials), options);
      if (!answer.ok || options.follow === false || !redirects.has(answer.value.status)) return answer;
      const location = answer.value.headers.get('location');
      await discard(answer.value.body);
      if (location === undefined) return missing('refused', `${bare.host} redirects without a location`);
      const next = new URL(location, bare);
      if (bare.protocol === 'https:' && next.protocol !== 'https:') {
        return missing('refused', `${bare.host} redirects from https to ${next.protocol}//${next.host}`);
      }
      // A token must reach no other host than its own.
      if (next.origin !== bare.origin) headers = withoutAuthorization(headers);
      target = next;
    }
    return missing('refused', `${target.host} redirects in circles`);
  }

  async function ask(
    url: URL,
    headers: Record<string, string>,
    options: HttpRequest,
  ): Promise<ModelResult<HttpAnswer>> {
    try {
      const answer = await request(url, {
        dispatcher: agent,
        method: options.method ?? 'GET',
        headers: { 'accept-encoding': 'identity', 'user-agent': 'tailrace', ...headers },
        signal: options.signal,
      });
      const names = Object.entries(answer.headers).map(([name, value]): [string, string] => [
        name,
        Array.isArray(value) ? (value[0] ?? '') : (value ?? ''),
      ]);
      return {
        ok: true,
        value: { status: answer.statusCode, headers: new Map(names), body: answer.body, url: url.href },
      };
    } catch (error) {
      return { ok: false, failure: describeNetworkError(error, url.host, patience, options.signal) };
    }
  }

  return { get, close: () => agent.destroy() };
}

/** Reads a small text body, at most `maxBytes`. */
export async function readText(
  answer: HttpAnswer,
  maxBytes: number,
  patience: Patience,
  signal: AbortSignal,
): Promise<ModelResult<string>> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const piece of answer.body) {
      bytes += piece.length;
      if (bytes > maxBytes)
        return missing('refused', `${new URL(answer.url).host} answered more than ${maxBytes} bytes`);
      pieces.push(piece);
    }
    return { ok: true, value: Buffer.concat(pieces).toString('utf8') };
  } catch (error) {
    return { ok: false, failure: describeNetworkError(error, new URL(answer.url).host, patience, signal) };
  } finally {
    answer.body.destroy();
  }
}

/** Discards a body that is not read. Its socket is closed, unless the body is short. */
export async function discard(body: HttpAnswer['body']): Promise<void> {
  await body.dump({ limit: 16_384 }).catch(() => body.destroy());
}

/** The failure for the operator of a failed connection. */
export function describeNetworkError(
  error: unknown,
  host: string,
  patience: Patience,
  signal: AbortSignal,
): ModelFailure {
  if (signal.aborted) return { code: 'cancelled', message: 'cancelled' };
  const code = errorCode(error) ?? (error instanceof Error ? errorCode(error.cause) : undefined);
  switch (code) {
    case 'UND_ERR_CONNECT_TIMEOUT':
      return { code: 'unreachable', message: `${host}: no connection within ${patience.connectMs / 1000} s` };
    case 'UND_ERR_HEADERS_TIMEOUT':
    case 'UND_ERR_BODY_TIMEOUT':
      return { code: 'stalled', message: `${host}: no byte for ${patience.stallMs / 1000} s` };
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return { code: 'unreachable', message: `${host}: the name cannot be resolved` };
    case 'ECONNREFUSED':
      return { code: 'unreachable', message: `${host}: connection refused` };
    case 'UND_ERR_SOCKET':
    case 'ECONNRESET':
    case 'EPIPE':
    case 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH':
      return { code: 'cut', message: `${host}: the connection was cut` };
    default: {
      if (!(error instanceof Error)) throw error;
      return { code: 'unreachable', message: `${host}: ${code ?? error.message}` };
    }
  }
}

/** The certificates to trust, with the system's; undefined where none is added, which leaves Node's own store in use. */
async function certificates(files: readonly string[]): Promise<string[] | undefined> {
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '')));
  const extra = texts.filter((text) => text.includes('BEGIN CERTIFICATE'));
  return extra.length === 0 ? undefined : [...getCACertificates('default'), ...extra];
}

function splitCredentials(url: URL, netrc: string): { bare: URL; credentials: Credentials | undefined } {
  const bare = new URL(url);
  bare.username = '';
  bare.password = '';
  if (url.username === '') return { bare, credentials: netrcEntry(netrc, url.hostname) };
  return {
    bare,
    credentials: { user: decodeURIComponent(url.username), password: decodeURIComponent(url.password) },
  };
}

function authorised(
  headers: Record<string, string>,
  credentials: Credentials | undefined,
): Record<string, string> {
  if (credentials === undefined || headers['authorization'] !== undefined) return headers;
  const basic = Buffer.from(`${credentials.user}:${credentials.password}`).toString('base64');
  return { ...headers, authorization: `Basic ${basic}` };
}

function withoutAuthorization(headers: Record<string, string>): Record<string, string> {
  const { authorization: _, ...rest } = headers;
  return rest;
}
