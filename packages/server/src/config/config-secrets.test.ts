import { expect, it } from 'vitest';
import { configSecrets } from './config-secrets.ts';
import { loadConfig } from './load-config.ts';
import { memoryFiles } from './memory-files.ts';

it('finds every secret of a configuration, and no more', async () => {
  const yaml = `
auth: {api_keys: [one], admin_keys: [two]}
upstreams:
  a: {preset: groq, api_key: three, headers: {x-team: a, x-auth-token: four}, proxy: "http://me:five@proxy:80"}
storage: {database_url: "postgres://me:six@db,db2/x", redis_url: "redis://:seven@r:1"}
`;
  const files = memoryFiles('/etc', { 'tailrace.yaml': yaml });
  const loaded = await loadConfig({ env: {}, cwd: '/etc', files });
  const found = loaded.ok ? configSecrets(loaded.config) : [];
  expect(found.toSorted()).toEqual(['five', 'four', 'one', 'seven', 'six', 'three', 'two']);
});
