import { expect, it } from 'vitest';
import { memoryFiles } from '../testing/memory-files.ts';
import { formatProblem } from './config-problem.ts';
import { loadConfig } from './load-config.ts';
import { maskedConfig } from './masked-config.ts';
import { configSchema } from './schema.ts';

/** Each field that may hold a secret, with one planted wherever its form has room for it. */
const planted: Readonly<Record<string, string>> = {
  'server.public_url': 'https://ai.example.org/?a=SECRET-1#SECRET-2',
  'upstreams.*.base_url': 'https://host/v1?api-version=7&sig=SECRET-3&SECRET-4',
  'upstreams.*.api_key': 'SECRET-5',
  'upstreams.*.headers.*': 'SECRET-6',
  'upstreams.*.proxy': 'http://SECRET-7:SECRET-8@proxy:8080',
  'storage.database_url':
    'postgres://me:SECRET-9/@SECRET-10@db,db2:5432/x?sslmode=require&password=SECRET-11',
  'storage.redis_url': 'redis://SECRET-12@redis:6379/1',
  'usage.webhook.url': 'https://hooks.example/services/SECRET-13?SECRET-14=SECRET-15',
  'usage.webhook.secret': 'SECRET-16-long-enough',
  'auth.api_keys[]': 'SECRET-17',
  'auth.admin_keys[]': 'SECRET-18',
  'auth.oidc.client_secret': 'SECRET-19',
  'telemetry.traces.endpoint': 'https://collector.example/v1/traces?token=SECRET-20',
  'telemetry.traces.headers.*': 'SECRET-21',
};

/** The other fields that take any text: names, addresses and paths. */
const open = [
  'server.listen',
  'server.data_dir',
  'server.cors_origins[]',
  'engine.models.*.file',
  'upstreams.*.ca_file',
  'upstreams.*.script',
  'models.*.aliases[]',
  'models.*.targets[].upstream',
  'models.*.targets[].engine',
  'models.*.targets[].model',
  'models.*.fallbacks[]',
  'storage.prices_file',
  'telemetry.traces.baggage[]',
  'auth.key_prefix',
  'auth.oidc.issuer',
  'auth.oidc.client_id',
  'auth.oidc.admins[]',
];

interface SchemaNode {
  readonly type?: string;
  readonly pattern?: string;
  readonly anyOf?: readonly SchemaNode[];
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: SchemaNode | boolean;
  readonly items?: SchemaNode;
}

function textFields(node: SchemaNode, path: string): readonly string[] {
  const { properties = {}, additionalProperties: values, items } = node;
  return [
    ...Object.entries(properties).flatMap(([key, child]) =>
      textFields(child, path === '' ? key : `${path}.${key}`),
    ),
    ...(typeof values === 'object' ? textFields(values, `${path}.*`) : []),
    ...(items === undefined ? [] : textFields(items, `${path}[]`)),
    ...([node, ...(node.anyOf ?? [])].some(({ type, pattern }) => type === 'string' && pattern === undefined)
      ? [path]
      : []),
  ];
}

async function shown(text: string): Promise<string> {
  const files = memoryFiles('/etc/tailrace', { 'tailrace.yaml': text });
  const loaded = await loadConfig({ env: {}, cwd: '/etc/tailrace', files });
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
  return JSON.stringify(maskedConfig(loaded.config));
}

function yamlOf(values: Readonly<Record<string, string>>): string {
  const root = {};
  for (const [path, value] of Object.entries(values)) {
    const keys = path.replaceAll('*', 'lab').split('.');
    let at: Record<string, unknown> = root;
    for (const key of keys.slice(0, -1)) {
      const inside = (at[key] ?? {}) as Record<string, unknown>;
      at[key] = inside;
      at = inside;
    }
    const last = keys.at(-1) ?? '';
    at[last.replace('[]', '')] = last.endsWith('[]') ? [value] : value;
  }
  return JSON.stringify(root);
}

it('this test knows each field of the configuration that takes any text', () => {
  const fields = textFields(configSchema.toJSONSchema({ io: 'input' }) as SchemaNode, '');
  expect(fields.toSorted()).toEqual([...Object.keys(planted), ...open].toSorted());
});

it('shows no secret of any field, and the rest of each URL', async () => {
  const oidc = {
    'auth.oidc.issuer': 'https://id.example.org/realms/main',
    'auth.oidc.client_id': 'tailrace',
    'auth.oidc.admins[]': 'ann@example.org',
  };
  const text = await shown(yamlOf({ ...planted, ...oidc }));
  expect(text).not.toContain('SECRET');
  expect(text).toContain('"public_url":"https://ai.example.org/?a=***"');
  expect(text).toContain('"base_url":"https://host/v1?api-version=7&sig=***&***"');
  expect(text).toContain('"proxy":"http://***@proxy:8080"');
  expect(text).toContain('"database_url":"postgres://***@db,db2:5432/x?sslmode=require&password=***"');
  expect(text).toContain('"redis_url":"redis://***@redis:6379/1"');
  expect(text).toContain('"url":"https://hooks.example/***"');
  expect(text).toContain(
    '"oidc":{"issuer":"https://id.example.org/realms/main","client_id":"tailrace","client_secret":"***","admins":["ann@example.org"]}',
  );
});

it('shows no secret that was written into a wrong field too', async () => {
  const text = await shown(
    'upstreams: {lab: {base_url: "http://h/v1", api_key: misplaced-1}}\n' +
      'models: {m: {targets: [{upstream: lab, model: misplaced-1}, {upstream: lab, model: sk-abcdefghijklmnop}]}}',
  );
  expect(text).not.toContain('misplaced-1');
  expect(text).not.toContain('sk-abc');
});
