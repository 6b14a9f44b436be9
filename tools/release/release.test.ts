import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { root } from '../run.ts';
import { entryOf, withSection } from './changelog.ts';
import { versions } from './versions.ts';

test('packages, lock, Python SDK and chart have one version', () => {
  const all = versions();
  expect(all.length).toBeGreaterThan(12);
  expect(all.filter(({ version }) => version !== all[0]?.version)).toEqual([]);
});

test('each changeset names packages of this repository, a kind of change, and what it is', () => {
  const folder = path.join(root, '.changeset');
  const packages = readdirSync(path.join(root, 'packages')).map(
    (name) =>
      (
        JSON.parse(readFileSync(path.join(root, 'packages', name, 'package.json'), 'utf8')) as {
          name: string;
        }
      ).name,
  );
  const named = readdirSync(folder).filter((name) => name.endsWith('.md') && name !== 'README.md');
  for (const name of named) {
    const text = readFileSync(path.join(folder, name), 'utf8');
    const head = /^---\n([\s\S]*?)\n---\n/.exec(text)?.[1] ?? '';
    const lines = head
      .split('\n')
      .map((line) => /^['"]?([^'":]+)['"]?: (major|minor|patch)$/.exec(line)?.[1]);
    expect(
      lines.filter((one) => one === undefined || !packages.includes(one)),
      name,
    ).toEqual([]);
    expect(entryOf(text).length, name).toBeGreaterThan(20);
  }
});

test('a new version is a section before the older ones', () => {
  const changelog = '# Changelog\n\nWhat.\n\n## 0.1.0\n\nThe first.\n';
  const entries = [
    '---\n"tailrace": patch\n---\n\nMends\na thing.\n',
    '---\n"tailrace": minor\n---\n\nAdds.\n',
  ].map(entryOf);
  expect(withSection(changelog, '0.2.0', entries)).toBe(
    '# Changelog\n\nWhat.\n\n## 0.2.0\n\n- Mends\n  a thing.\n- Adds.\n\n## 0.1.0\n\nThe first.\n',
  );
});
