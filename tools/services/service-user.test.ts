import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { isOpenToAll, sharedTemporaryFolder, userIn } from './service-user.ts';

test('a user is found by the whole name', () => {
  const text = 'root:x:0:0::/root:/bin/sh\npostgres2:x:7:8::/:/bin/sh\npostgres:x:101:104:,,,:/:/bin/sh\n';
  expect(userIn(text, 'postgres')).toEqual({ uid: 101, gid: 104 });
  expect(userIn(text, 'nobody')).toBeUndefined();
});

test('a folder is closed where one above it is', () => {
  const folder = mkdtempSync(path.join(sharedTemporaryFolder(), 'tailrace-user-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const inner = path.join(folder, 'inner');
  mkdirSync(inner, { mode: 0o755 });
  chmodSync(folder, 0o711);
  expect(isOpenToAll(inner)).toBe(true);
  chmodSync(folder, 0o700);
  expect(isOpenToAll(inner)).toBe(false);
});
