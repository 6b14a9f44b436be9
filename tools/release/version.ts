/*
 * The one version of everything that is released.
 *
 *     node tools/release/version.ts             makes the next one of the changesets in .changeset/
 *     node tools/release/version.ts --is 0.2.0  exits 1 where something has another version
 *
 * Changesets decides the version and writes it into the packages. Here it goes into the Python SDK and the chart, and what the
 * changesets say becomes a section of CHANGELOG.md.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { root, run } from '../run.ts';
import { entryOf, withSection } from './changelog.ts';
import { versions } from './versions.ts';

const changesets = '@changesets/cli@3.0.3';

const { values } = parseArgs({ options: { is: { type: 'string' } } });
process.exitCode = values.is === undefined ? await makeNext() : check(values.is);

function check(wanted: string): number {
  const others = versions().filter(({ version }) => version !== wanted);
  for (const { file, version } of others)
    process.stderr.write(`${file} has the version ${version}, not ${wanted}\n`);
  return others.length === 0 ? 0 : 1;
}

async function makeNext(): Promise<number> {
  const entries = readdirSync(at('.changeset'))
    .filter((name) => name.endsWith('.md') && name !== 'README.md')
    .toSorted()
    .map((name) => entryOf(readFileSync(at(`.changeset/${name}`), 'utf8')));
  if (entries.length === 0) {
    process.stderr.write('.changeset/ has nothing for a next version\n');
    return 1;
  }
  const made = await run('npm', ['exec', '--yes', '--', changesets, 'version'], { show: true });
  if (made.code !== 0) return made.code;
  const { version } = JSON.parse(readFileSync(at('packages/server/package.json'), 'utf8')) as {
    version: string;
  };
  replace('python/src/tailrace/__init__.py', /^__version__ = ".*"$/m, `__version__ = "${version}"`);
  replace('deploy/helm/tailrace/Chart.yaml', /^version: .*$/m, `version: ${version}`);
  replace('deploy/helm/tailrace/Chart.yaml', /^appVersion: .*$/m, `appVersion: "${version}"`);
  const changelog = at('CHANGELOG.md');
  writeFileSync(changelog, withSection(readFileSync(changelog, 'utf8'), version, entries));
  // npm keeps the versions of workspaces in its lock too.
  const locked = await run('npm', ['install', '--package-lock-only', '--ignore-scripts'], { show: true });
  return locked.code === 0 ? check(version) : locked.code;
}

function replace(file: string, what: RegExp, by: string): void {
  writeFileSync(at(file), readFileSync(at(file), 'utf8').replace(what, by));
}

function at(file: string): string {
  return path.join(root, file);
}
