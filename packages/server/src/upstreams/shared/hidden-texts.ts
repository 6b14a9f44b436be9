import { domainToUnicode } from 'node:url';
import type { UpstreamConfig } from '../../config/config.ts';
import { type Environment, proxyFor } from '../../transport/proxy.ts';

/**
 * What no client may see of an upstream, whoever says it: its key, its host, the headers and the query that the
 * operator has set, the proxy before it with its credentials, and the file of its certificates.
 */
export function hiddenTexts(
  { apiKey, headers, proxy: configured, caFile }: UpstreamConfig,
  baseUrl: URL,
  env: Environment,
): readonly string[] {
  const proxy = proxyFor(baseUrl, configured, env);
  return [
    apiKey,
    ...Object.values(headers),
    ...namesOf(baseUrl),
    ...baseUrl.searchParams.values(),
    ...(proxy.ok && proxy.value !== undefined
      ? [...namesOf(proxy.value), ...credentialsOf(proxy.value)]
      : []),
    caFile,
  ].filter((text) => text !== undefined);
}

function namesOf({ host, hostname }: URL): readonly string[] {
  return [host, hostname, domainToUnicode(hostname)];
}

/** Decoded, as they are sent. */
function credentialsOf({ username, password }: URL): readonly string[] {
  const [name, word] = [decodeURIComponent(username), decodeURIComponent(password)];
  return [`${name}:${word}`, name, word];
}
