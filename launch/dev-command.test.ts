import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { expect, test } from 'vitest';

test('check with anything behind it judges an endpoint, and not this repository', () => {
  for (const word of ['--help', 'ftp://a.example']) {
    const { stdout, stderr } = spawnSync(process.execPath, [path.resolve('launch'), 'check', word], {
      encoding: 'utf8',
      timeout: 60_000,
    });
    expect(stdout + stderr).toContain('tailrace check');
  }
});
