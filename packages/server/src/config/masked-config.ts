import { createRedact } from '../telemetry/redact.ts';
import type { Config } from './config.ts';
import { type ConfigMask, configJson } from './config-json.ts';
import { configSecrets } from './config-secrets.ts';

const mask = '***';

/**
 * The configuration by the keys of its file, for administrators: without keys, secrets, values of headers, passwords, and
 * parts of URLs that may be secret. What is left goes through the mask of the log: a secret that was written into another
 * field by mistake does not come out either.
 */
export function maskedConfig(config: Config): unknown {
  const redact = createRedact({ secrets: configSecrets(config), keyPrefixes: [config.auth.keyPrefix] });
  return redacted(configJson(config, hiding), redact);
}

const hiding: ConfigMask = { secret: () => mask, url: maskUrl, address: maskAddress };

/** Values of a query that are no secrets, and that an operator looks for. */
const openQuery = /^(sslmode|api-version)$/i;

/**
 * A URL with its host and path: no user, no password, no value of its query. The URL of a database need not be one by the
 * web's rules, and its password may hold any character: what stands before the last `@` is masked.
 */
function maskUrl(url: string): string {
  return url
    .replace(/^([a-z][a-z0-9+.-]*:\/\/).*@/is, `$1${mask}@`)
    .replace(/#.*$/s, '')
    .replace(/([?&;])([^=&;]*)(=?)[^&;]*/g, (whole, sign: string, name: string, equals: string) =>
      openQuery.test(name) ? whole : `${sign}${equals === '' ? '' : `${name}=`}${mask}`,
    );
}

/** Scheme and host: a receiver may know its senders by path and query alone. */
function maskAddress(url: string): string {
  const { origin, href } = new URL(url);
  return href === `${origin}/` ? url : `${origin}/${mask}`;
}

/** The texts of a value, each masked; names of members stay. */
function redacted(value: unknown, redact: (text: string) => string): unknown {
  if (typeof value === 'string') return redact(value);
  if (Array.isArray(value)) return value.map((item) => redacted(item, redact));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, redacted(inner, redact)]));
}
