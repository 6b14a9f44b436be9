// The packages as they are published: nothing of the sources is there, and a server started from them shows its page.

import { mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { run, runNode } from '../../tools/run.ts';
import { startChild } from '../support/child.ts';
import { createScratch } from '../support/scratch.ts';
import { until } from '../support/until.ts';

const root = path.join(import.meta.dirname, '../..');

test('a server of the published packages serves its page and its API', async () => {
  const scratch = createScratch('packages');
  onTestFinished(() => scratch.remove());
  const packed = await runNode('tools/pack.ts', [scratch.path]);
  expect(packed.output).toMatch(
    /tailrace-protocol-.*\.tgz\n.*tailrace-conformance-.*\.tgz\n.*tailrace-server-.*\.tgz\n.*\/tailrace-[0-9.]*\.tgz\n$/,
  );

  const modules = path.join(scratch.path, 'installed/node_modules');
  mkdirSync(path.join(modules, '@tailrace'), { recursive: true });
  // What npm would install beside them is installed here already.
  for (const name of readdirSync(path.join(root, 'node_modules')))
    if (name !== '@tailrace') symlinkSync(path.join(root, 'node_modules', name), path.join(modules, name));
  // The client, which comes last, has a test of its own.
  for (const tarball of packed.output.trim().split('\n').slice(0, -1)) {
    const into = path.join(
      modules,
      '@tailrace',
      /tailrace-([a-z]+)-/.exec(path.basename(tarball))?.[1] ?? '',
    );
    mkdirSync(into);
    expect(await run('tar', ['-xzf', tarball, '--strip-components=1', '-C', into])).toMatchObject({
      code: 0,
    });
  }

  const main = 'node_modules/@tailrace/server/dist/cli/main.js';
  // The judge is a package of its own, which this command loads.
  const helped = await run(process.execPath, [main, 'check', '--help'], { cwd: path.dirname(modules) });
  expect(helped).toMatchObject({ code: 0, output: expect.stringContaining('--max-tokens') });

  const child = startChild(process.execPath, [main, 'serve', '--no-engine', '--listen', '127.0.0.1:0'], {
    cwd: path.dirname(modules),
    env: {
      PATH: process.env['PATH'],
      TAILRACE_API_KEY: 'tr_packed',
      TAILRACE_ADMIN_KEY: 'tr_packed_admin',
    },
  });
  onTestFinished(async () => {
    await child.end('SIGTERM', 10_000);
  });
  const url = await until('the line that says it listens', 30_000, () => {
    if (child.exit() !== undefined) throw new Error(child.stderr());
    return /listening on (\S+)/.exec(child.stdout())?.[1];
  });
  const page = await (await fetch(`${url}/`)).text();
  const scripts = [...page.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, found]) => found);
  expect(scripts.length).toBeGreaterThan(1);
  for (const script of scripts) expect((await fetch(url + script)).status).toBe(200);
  const models = await fetch(`${url}/v1/models`, { headers: { authorization: 'Bearer tr_packed' } });
  expect([models.status, await models.json()]).toEqual([200, { object: 'list', data: [] }]);
});
