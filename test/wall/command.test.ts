import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { faults } from '../../packages/server/src/wall/catalogue.ts';
import { type Child, startChild } from '../support/child.ts';
import { until } from '../support/until.ts';
import { askWall } from './wall-client.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const entry = 'packages/server/src/cli/main.ts';

function tailraceWall(...args: readonly string[]): Child {
  return startChild(process.execPath, ['--conditions=tailrace-source', entry, 'wall', ...args], {
    cwd: root,
  });
}

async function portOf(child: Child): Promise<number> {
  const line = await until('the line that says the wall listens', 30_000, () => {
    return /^tailrace wall: listening on http:\/\/127\.0\.0\.1:(\d+)$/m.exec(child.stdout())?.[1];
  });
  return Number(line);
}

test.each(['SIGINT', 'SIGTERM'] as const)(
  '%s ends the wall at once, whatever hangs on it',
  async (signal) => {
    const child = tailraceWall('--listen', '127.0.0.1:0');
    const port = await portOf(child);
    await using hanging = await askWall(port, 'stall');
    await until('the stall', 20_000, () => (hanging.received().length > 0 ? true : undefined));
    expect(await child.end(signal, 5_000)).toEqual({ code: 0, signal: null });
  },
);

test('--list names every fault, --help the flags', async () => {
  const [list, help] = [tailraceWall('--list'), tailraceWall('--help')];
  expect((await Promise.all([list.exited, help.exited])).map(({ code }) => code)).toEqual([0, 0]);
  expect(list.stdout().split('\n').length - 1).toBe(faults.length);
  expect(help.stdout()).toContain('--listen');
});

test.each([
  [['--lissen'], 2, 'did you mean "--listen"'],
  [['--listen'], 2, 'needs a value'],
  [['--listen', '8643'], 2, 'HOST:PORT'],
])('wrong usage %j is refused with a message', async (args, code, words) => {
  const child = tailraceWall(...args);
  expect((await child.exited).code).toBe(code);
  expect(child.stderr()).toContain(words);
});

test('a port in use is one clear line and exit 1', async () => {
  const first = tailraceWall('--listen', '127.0.0.1:0');
  const port = await portOf(first);
  const second = tailraceWall('--listen', `127.0.0.1:${port}`);
  expect((await second.exited).code).toBe(1);
  expect(second.stderr()).toMatch(/^tailrace: port \d+ on 127\.0\.0\.1 is in use/);
  await first.end('SIGINT', 5_000);
});
