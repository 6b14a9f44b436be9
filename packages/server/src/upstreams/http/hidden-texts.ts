import { domainToUnicode } from 'node:url';
import type { UpstreamConfig } from '../../config/config.ts';
import { credentialTexts, queryTexts, userTexts } from '../../config/credential-texts.ts';
import { type Environment, proxyFor } from '../../transport/proxy.ts';

/**
 * The texts of an upstream's configuration that no client may see, also where an answer repeats them:
 *
 * - the keys;
 * - the host, and the query of the base URL;
 * - the headers that the operator has set;
 * - the proxy, with its credentials;
 * - parts of these that reveal one of them;
 * - the path of the certificates' file.
 */
export function hiddenTexts(
  { apiKeys = [], headers, proxy: configured, caFile }: UpstreamConfig,
  baseUrl: URL,
  env: Environment,
): readonly string[] {
  const proxy = proxyFor(baseUrl, configured, env);
  const urls = proxy.ok && proxy.value !== undefined ? [baseUrl, proxy.value] : [baseUrl];
  return [
    ...apiKeys,
    ...Object.values(headers).flatMap(credentialTexts),
    ...urls.flatMap((url) => [...namesOf(url), ...userTexts(url.href), ...queryTexts(url.href)]),
    caFile,
  ].filter((text) => text !== undefined);
}

function namesOf({ host, hostname }: URL): readonly string[] {
  return [host, hostname, domainToUnicode(hostname)];
}
