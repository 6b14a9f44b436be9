import { expect, it } from 'vitest';
import { createRedact } from '../telemetry/redact.ts';
import { memoryFiles } from '../testing/memory-files.ts';
import { configSecrets } from './config-secrets.ts';
import { loadConfig } from './load-config.ts';

it('finds every secret of a configuration, and no more', async () => {
  const yaml = `
auth: {api_keys: [one], admin_keys: [two], oidc: {issuer: "https://id", client_id: us, client_secret: ten-of-the-client, admins: [a@b.c]}}
upstreams:
  b: {kind: anthropic, api_key: [eight, nine]}
  a: {preset: groq, api_key: three, headers: {x-team: a, x-auth-token: four}, proxy: "http://me:five@proxy:80"}
storage: {database_url: "postgres://me:six@db,db2/x", redis_url: "redis://:seven@r:1"}
usage: {webhook: {url: "https://hooks/x?token=eight-in-the-url", secret: "nine-of-the-receiver"}}
`;
  const files = memoryFiles('/etc', { 'tailrace.yaml': yaml });
  const loaded = await loadConfig({ env: {}, cwd: '/etc', files });
  const found = loaded.ok ? configSecrets(loaded.config) : [];
  expect(found.toSorted()).toEqual([
    'eight',
    'eight-in-the-url',
    'five',
    'four',
    'me:five',
    'nine',
    'nine-of-the-receiver',
    'one',
    'seven',
    'six',
    'ten-of-the-client',
    'three',
    'two',
  ]);
});

it.each([
  ['postgres://postgres@postgres:5432/postgres', []],
  ['postgres://postgres:p%40ss-word@db:5432/postgres', ['p%40ss-word', 'p@ss-word']],
  ['postgres://postgres:with@sign-in-it@db/postgres?sslmode=require', ['with@sign-in-it']],
  ['postgres://db:5432/postgres?user=postgres&password=in-the%2Bquery', ['in-the+query']],
])('of the database %s only the password is a secret', async (url, secrets) => {
  const loaded = await loadConfig({
    env: { TAILRACE_DATABASE_URL: url },
    cwd: '/etc',
    files: memoryFiles('/etc', {}),
  });
  if (!loaded.ok) throw new Error('the configuration is refused');
  expect(configSecrets(loaded.config)).toEqual(secrets);
  const redact = createRedact({ secrets: configSecrets(loaded.config) });
  const message = 'PostgreSQL at postgres/postgres takes no work now';
  expect(redact(message)).toBe(message);
  for (const one of secrets) expect(redact(`${url} refuses ${one}`)).not.toContain(one);
});

it.each([
  ['x-auth: "Bearer hush7token-Qw93"', 'hush7token-Qw93'],
  ['cookie: "a=b; session=sessQ93kdpL20xk"', 'sessQ93kdpL20xk'],
  ['x-basic: "Basic b3BzdXNlcjpvcHNwYXNzOTkzMQ=="', 'b3BzdXNlcjpvcHNwYXNzOTkzMQ'],
  ['x-basic: "Basic b3BzdXNlcjpvcHNwYXNzOTkzMQ=="', 'opsuser:opspass9931'],
  ['x-basic: "Basic b3BzdXNlcjpvcHNwYXNzOTkzMQ=="', 'opspass9931'],
])('finds in the header %s what a server may quote of it', async (header, text) => {
  const yaml = `upstreams: {a: {preset: groq, base_url: "http://h/v1?sig=qsecretQ12", headers: {${header}}, proxy: "http://me:p%40ss-word@proxy"}}`;
  const files = memoryFiles('/etc', { 'tailrace.yaml': yaml });
  const loaded = await loadConfig({ env: {}, cwd: '/etc', files });
  const found = loaded.ok ? configSecrets(loaded.config) : [];
  expect(found).toEqual(expect.arrayContaining([text, 'qsecretQ12', 'p@ss-word', 'me:p@ss-word']));
  // Words that are common in error messages.
  expect(found).not.toContain('session');
  expect(found).not.toContain('Bearer');
});
