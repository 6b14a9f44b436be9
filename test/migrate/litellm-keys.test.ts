// The program of docs/migrate/litellm.md brings the keys of a LiteLLM proxy along: their clients notice nothing.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, expect, test } from 'vitest';
import { createScratch } from '../support/scratch.ts';
import { startServer } from '../support/server.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));
const masterKey = 'sk-master';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

function documentedProgram(): string {
  const page = readFileSync(`${root}docs/migrate/litellm.md`, 'utf8');
  const program = /^```js file=litellm-keys\.mjs.*\n([\s\S]*?)^```$/m.exec(page)?.[1];
  if (program === undefined) throw new Error('docs/migrate/litellm.md has no block of litellm-keys.mjs');
  return program;
}

/** A key as `/key/list?return_full_object=true` of LiteLLM 1.108 lists it. */
function litellmKey(secret: string, members: Readonly<Record<string, unknown>>) {
  return {
    token: createHash('sha256').update(secret).digest('hex'),
    key_name: `sk-...${secret.slice(-4)}`,
    key_alias: null,
    spend: 0,
    expires: null,
    models: [],
    team_id: null,
    max_parallel_requests: null,
    tpm_limit: null,
    rpm_limit: null,
    max_budget: null,
    budget_duration: null,
    blocked: null,
    created_at: '2026-01-02T03:04:05Z',
    ...members,
  };
}

/** The two lists of a LiteLLM proxy; that of keys in pages of one. */
async function startLitellmLists(teams: readonly unknown[], keys: readonly unknown[]): Promise<string> {
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://litellm');
    if (request.headers.authorization !== `Bearer ${masterKey}`)
      return void response.writeHead(401).end('{}');
    const page = Number(url.searchParams.get('page'));
    const answer =
      url.pathname === '/team/list'
        ? teams
        : { keys: [keys[page - 1]], total_count: keys.length, current_page: page, total_pages: keys.length };
    response.end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('clients go on with their keys of LiteLLM, with their teams and limits', async () => {
  const scratch = createScratch('litellm');
  closing.push(() => scratch.remove());
  const litellm = await startLitellmLists(
    [{ team_id: 'team-1', team_alias: 'search', max_budget: 100, budget_duration: '30d', models: ['chat'] }],
    [
      litellmKey('sk-client-one', {
        key_alias: 'ci',
        team_id: 'team-1',
        models: ['all-team-models'],
        rpm_limit: 60,
        max_budget: 10,
        spend: 4,
      }),
      litellmKey('sk-client-two', { max_budget: 5, budget_duration: '7d' }),
      litellmKey('sk-blocked', { blocked: true }),
    ],
  );
  const program = scratch.write('litellm-keys.mjs', documentedProgram());
  const environment = { ...process.env, LITELLM_URL: litellm, LITELLM_MASTER_KEY: masterKey };
  const written = await run(process.execPath, [program], { env: environment });
  expect(written.stderr).toBe('sk-...-two: budget each 7d has no like; left out\n');

  const dataDir = `${scratch.path}/data`;
  await run(
    process.execPath,
    [
      ...['--conditions=tailrace-source', 'packages/server/src/cli/main.ts', 'db', 'import'],
      ...[scratch.write('litellm.jsonl', written.stdout), '--data-dir', dataDir],
    ],
    { cwd: root },
  );
  const server = await startServer({
    model: 'none',
    dataDir,
    files: { 'answers.yaml': { answers: [{ steps: ['echo'] }] } },
    config: {
      upstreams: { lab: { kind: 'scripted', script: './answers.yaml' } },
      models: { chat: { targets: [{ upstream: 'lab' }] }, other: { targets: [{ upstream: 'lab' }] } },
    },
  });
  closing.push(() => server.stop());
  const ask = (path: string, key: string) =>
    fetch(`${server.baseUrl}${path}`, { headers: { authorization: `Bearer ${key}` } });
  const modelsOf = async (key: string) => {
    const { data } = (await (await ask('/v1/models', key)).json()) as { data: { id: string }[] };
    return data.map(({ id }) => id).toSorted();
  };

  expect(await modelsOf('sk-client-one')).toEqual(['chat', 'default']);
  expect(await modelsOf('sk-client-two')).toEqual(['chat', 'default', 'other']);
  expect((await ask('/v1/models', 'sk-blocked')).status).toBe(401);
  const { data } = (await (await ask('/admin/v1/keys', server.adminKey)).json()) as {
    data: Record<string, unknown>[];
  };
  expect(data.find(({ name }) => name === 'ci')).toMatchObject({
    owner: 'team-1',
    requests_per_minute: 60,
    budget: { usd: 6, period: 'total' },
    created_at: '2026-01-02T03:04:05.000Z',
  });
  const owner = await (await ask('/admin/v1/owners/team-1', server.adminKey)).json();
  expect(owner).toMatchObject({ name: 'search', models: ['chat'], budget: { usd: 100, period: 'month' } });
});
