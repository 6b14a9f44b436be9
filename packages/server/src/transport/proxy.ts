import { fail, failure, ok, type Result } from '../domain/failure.ts';

/** The process environment; only its proxy variables are read. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The proxy for an origin, or undefined for a direct connection: `configured` if it is set, else HTTPS_PROXY or HTTP_PROXY by
 * the origin's scheme, unless NO_PROXY names the host. Of two spellings of a variable the lower-case one is read, as in curl.
 * For a loopback origin the environment is ignored: the proxy would connect to its own loopback.
 *
 * Failure: `invalid_value` where the URL cannot be parsed, or its scheme is neither http nor https.
 */
export function proxyFor(
  origin: URL,
  configured: string | undefined,
  env: Environment,
): Result<URL | undefined> {
  if (configured !== undefined) return parseProxy(configured);
  if (isLoopback(origin.hostname) || isExempt(origin, read(env, 'no_proxy'))) return ok(undefined);
  const fromEnvironment = read(env, origin.protocol === 'https:' ? 'https_proxy' : 'http_proxy');
  return fromEnvironment === undefined ? ok(undefined) : parseProxy(fromEnvironment);
}

/** The `proxy-authorization` header, from the user and password in the proxy's URL; undefined where it has none. */
export function proxyAuthorization(proxy: URL): string | undefined {
  if (proxy.username === '' && proxy.password === '') return undefined;
  const credentials = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  return `Basic ${Buffer.from(credentials).toString('base64')}`;
}

function read(env: Environment, name: string): string | undefined {
  const value = env[name] ?? env[name.toUpperCase()];
  return value === undefined || value.trim() === '' ? undefined : value.trim();
}

function parseProxy(text: string): Result<URL> {
  // The variables are often written without a scheme: `proxy:3128`.
  const withScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  const url = URL.canParse(withScheme) ? new URL(withScheme) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    return fail(failure('invalid_value', 'The proxy must be an http or https URL.'));
  }
  try {
    proxyAuthorization(url);
  } catch {
    return fail(failure('invalid_value', 'The user and password in the URL of the proxy cannot be decoded.'));
  }
  return ok(url);
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

/** The entries of `NO_PROXY` are names and suffixes (`corp.example`, `.corp.example`, `*`), each with or without a port. */
function isExempt(origin: URL, list: string | undefined): boolean {
  if (list === undefined) return false;
  const host = origin.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  const port = origin.port === '' ? (origin.protocol === 'https:' ? '443' : '80') : origin.port;
  return list.split(/[\s,]+/).some((entry) => {
    const rule = /^\[?(.+?)\]?(?::(\d+))?$/.exec(entry.toLowerCase());
    // Two or more colons without brackets: an IPv6 address, which has no port.
    const bare = entry.split(':').length > 2 && !entry.startsWith('[');
    const name = (bare ? entry.toLowerCase() : (rule?.[1] ?? '')).replace(/^\*?\./, '');
    if (name === '') return false;
    if (!bare && rule?.[2] !== undefined && rule[2] !== port) return false;
    return name === '*' || host === name || host.endsWith(`.${name}`);
  });
}
