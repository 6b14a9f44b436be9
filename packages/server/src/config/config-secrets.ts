import type { Config } from './config.ts';

const telling = /auth|key|token|secret|cookie/i;
const passwordInUrl = /:\/\/[^/?#\s:@]*:([^/?#\s@]+)@/;

/** Every secret the configuration holds, for the log to mask by value. */
export function configSecrets({ auth, upstreams, storage }: Config): readonly string[] {
  const secrets = [...auth.apiKeys, ...auth.adminKeys];
  const urls = [storage.databaseUrl, storage.redisUrl];
  for (const { apiKey, headers, proxy } of upstreams.values()) {
    if (apiKey !== undefined) secrets.push(apiKey);
    for (const [name, value] of Object.entries(headers)) if (telling.test(name)) secrets.push(value);
    urls.push(proxy);
  }
  for (const url of urls) {
    const password = passwordInUrl.exec(url ?? '')?.[1];
    if (password !== undefined) secrets.push(password);
  }
  return secrets;
}
