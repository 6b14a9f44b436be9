// The files of deploy/ by the tools of their formats, and what must be the same in several of them.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { readContents } from '../../packages/docs/src/contents.ts';
import { run } from '../../tools/run.ts';
import { deploy, millisecondsOf, readComposeFile } from './compose-file.ts';
import { judge, withoutJudges } from './judges.ts';
import { runWithInput } from './run-with-input.ts';

const read = (file: string): string => readFileSync(path.join(deploy, file), 'utf8');
const values = { TAILRACE_API_KEY: 'a', TAILRACE_ADMIN_KEY: 'b' };
/** What the launcher gives to Node for a server (launch/main.cjs). */
const nodeFlags = /heapFlags = \[(.*)\]/
  .exec(readFileSync(path.join(deploy, '../launch/main.cjs'), 'utf8'))?.[1]
  ?.replaceAll(/[',]/g, '')
  .split(' ');
const drainMs = 30_000;

const skippedAs = (reason: string | undefined): string =>
  reason === undefined ? '' : ` (skipped: ${reason})`;

describe.skipIf(withoutJudges !== undefined)(`judged by others${skippedAs(withoutJudges)}`, () => {
  test('hadolint finds nothing in the Dockerfile', async () => {
    // DL3059: two layers of a stage that is thrown away cost nothing.
    const args = [
      '--no-color',
      '--failure-threshold',
      'style',
      '--ignore',
      'DL3059',
      path.join(deploy, 'Dockerfile'),
    ];
    expect(await run(judge('hadolint'), args)).toMatchObject({ code: 0, output: '' });
  });

  test('compose.yaml holds to the Compose specification', async () => {
    const compose = JSON.stringify(readComposeFile(values));
    const script = path.join(import.meta.dirname, 'judge-compose.py');
    const good = await runWithInput(judge('python'), [script], compose);
    expect(good).toMatchObject({
      code: 0,
      output: 'nginx postgres replica-1 replica-2 replica-3 tailrace valkey\n',
    });
    const bad = compose.replaceAll('"stop_grace_period":"45s"', '"stop_grace_period":"soon"');
    expect((await runWithInput(judge('python'), [script], bad)).code).not.toBe(0);
  });
});

test('compose.yaml demands keys, has both profiles, and gives everything that writes a place for it', () => {
  expect(() => readComposeFile({})).toThrow('TAILRACE_API_KEY');
  const { services, volumes } = readComposeFile(values);
  const of = (profile: string): string[] =>
    Object.entries(services).flatMap(([name, { profiles }]) => (profiles?.includes(profile) ? [name] : []));
  expect(of('default')).toEqual(['tailrace']);
  expect(of('ha')).toEqual(['replica-1', 'replica-2', 'replica-3', 'nginx', 'postgres', 'valkey']);
  const named = Object.values(services)
    .flatMap((service) => service.volumes ?? [])
    .map((volume) => volume.split(':')[0] ?? '');
  expect(named.filter((name) => !name.startsWith('.')).toSorted()).toEqual(Object.keys(volumes).toSorted());
  for (const name of ['tailrace', ...of('ha').slice(0, 3)]) {
    expect(services[name], name).toMatchObject({
      read_only: true,
      user: '10001:10001',
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
    });
    expect(millisecondsOf(services[name]?.stop_grace_period), name).toBeGreaterThan(drainMs);
  }
});

test('every variable of compose.yaml is in .env.example', () => {
  const named = [...read('compose.yaml').matchAll(/\$\{([A-Z_]+)/g)].map(([, name]) => name);
  const given = [...read('.env.example').matchAll(/^([A-Z_]+)=/gm)].map(([, name]) => name);
  const own = ['TAILRACE_IMAGE', 'TAILRACE_RELAY_IMAGE'];
  expect([...new Set(named)].filter((name) => !own.includes(name ?? '') && !given.includes(name))).toEqual(
    [],
  );
  expect(given.filter((name) => name !== 'COMPOSE_PROFILES' && !named.includes(name))).toEqual([]);
});

test('image and unit start Node itself with the flags of the launcher, as an ordinary user', () => {
  expect(nodeFlags?.length).toBeGreaterThan(0);
  const dockerfile = read('Dockerfile');
  const entry = JSON.parse(/^ENTRYPOINT (.*)$/m.exec(dockerfile)?.[1] ?? '') as string[];
  expect(entry.slice(0, -1)).toEqual(['node', ...(nodeFlags ?? [])]);
  expect(/^USER (.*)$/m.exec(dockerfile)?.[1]).toBe('10001:10001');
  const unit = read('systemd/tailrace.service');
  expect(unit).toContain(`ExecStart=/usr/bin/node ${nodeFlags?.join(' ')} ${entry.at(-1)} serve `);
  expect(Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)?.[1]) * 1000).toBeGreaterThan(drainMs);
});

test('the image is built with every page of the docs', () => {
  const given = readFileSync(path.join(deploy, '../.dockerignore'), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('!'))
    .map((line) => line.slice(1));
  const pages = readContents(path.join(deploy, '../docs'))
    .flatMap((group) => group.pages)
    .map((page) => path.join('docs', page));
  expect(pages.filter((page) => !given.some((one) => page === one || page.startsWith(`${one}/`)))).toEqual(
    [],
  );
});

const hasSystemd = (await run('systemd-analyze', ['--version'])).code === 0;

test.skipIf(!hasSystemd)(
  `systemd takes the unit, and finds it well confined${skippedAs(hasSystemd ? undefined : 'systemd-analyze is not installed')}`,
  async () => {
    const unit = path.join(deploy, 'systemd/tailrace.service');
    const verified = await run('systemd-analyze', ['verify', '--man=no', unit]);
    // The program of the unit is not installed here.
    const complaints = verified.output
      .split('\n')
      .filter((line) => line !== '' && !/is not executable/.test(line));
    expect(complaints).toEqual([]);
    // From 0, confined, to 100, exposed: a usual service has 96.
    const security = ['security', '--offline=true', '--no-pager', '--threshold=15', unit];
    expect(await run('systemd-analyze', security)).toMatchObject({ code: 0 });
  },
);

test('no log of nginx has the query of a request, where the signature of a stream stands', () => {
  const config = read('ha/nginx.conf');
  const [format = ''] = /^ *log_format .*;$/m.exec(config) ?? [];
  expect(format).toContain('$uri');
  expect(format).not.toMatch(/\$(request|request_uri|args|query_string|is_args|arg_\w+|http_referer)\b/);
  // Below `crit` nginx writes the request line of each request that it reports on.
  const ofRequests = /^ {2}server \{[^}]*?\n {4}error_log stderr (\w+);/m.exec(config);
  expect(ofRequests?.[1]).toBe('crit');
});

test('the autoscaler counts by a metric that servers have', () => {
  const { autoscaling } = parse(read('helm/tailrace/values.yaml')) as {
    readonly autoscaling: { readonly metric: string };
  };
  expect(readFileSync(path.join(deploy, '../docs/metrics.md'), 'utf8')).toContain(
    `\n| \`${autoscaling.metric}\` gauge |`,
  );
});

test("the chart's own values fit their schema but for the secret, which it demands", () => {
  const validate = new Ajv({ strict: false }).compile(
    JSON.parse(read('helm/tailrace/values.schema.json')) as object,
  );
  const own = parse(read('helm/tailrace/values.yaml')) as Record<string, unknown>;
  expect(validate(own)).toBe(false);
  expect(validate.errors?.map(({ instancePath }) => instancePath)).toEqual(['/existingSecret']);
  expect(validate({ ...own, existingSecret: 'tailrace' })).toBe(true);
  expect(validate({ ...own, existingSecret: 'tailrace', replica: 3 })).toBe(false);
});
