import type { Config } from './config.ts';
import { credentialTexts, isCredential, passwordTexts, queryTexts, userTexts } from './credential-texts.ts';

/** Every secret of the configuration, and the parts of it that would reveal it, for the log to mask. */
export function configSecrets({ auth, upstreams, storage, usage, telemetry }: Config): readonly string[] {
  const secrets = new Set([...auth.apiKeys, ...auth.adminKeys]);
  const add = (texts: readonly string[]) => {
    for (const text of texts) secrets.add(text);
  };
  const addHeaders = (headers: Readonly<Record<string, string>>) => {
    for (const [name, value] of Object.entries(headers)) {
      if (isCredential(name, value)) add(credentialTexts(value));
    }
  };
  for (const { apiKeys = [], headers, proxy, baseUrl } of upstreams.values()) {
    add(apiKeys);
    addHeaders(headers);
    add([...userTexts(proxy ?? ''), ...userTexts(baseUrl ?? ''), ...queryTexts(baseUrl ?? '', true)]);
  }
  if (auth.oidc !== undefined) add(credentialTexts(auth.oidc.clientSecret));
  const { databaseUrl = '', redisUrl = '' } = storage;
  add([...passwordTexts(databaseUrl), ...userTexts(redisUrl), ...queryTexts(redisUrl, true)]);
  if (telemetry.traces !== undefined) {
    addHeaders(telemetry.traces.headers);
    add(queryTexts(telemetry.traces.endpoint, true));
  }
  if (usage.webhook !== undefined) {
    const { url, secret } = usage.webhook;
    add([secret, ...userTexts(url), ...queryTexts(url, true)]);
  }
  return [...secrets];
}
