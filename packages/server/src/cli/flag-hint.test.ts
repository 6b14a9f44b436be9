import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { configCommand } from './config-command.ts';
import { dbCommand } from './db-command.ts';
import { flagHint } from './flag-hint.ts';
import { keysCommand } from './keys-command.ts';
import { modelsCommand } from './models-command.ts';
import { ownersCommand } from './owners-command.ts';
import { pricesCommand } from './prices-command.ts';
import { serveCommand } from './serve-command.ts';
import { usageCommand } from './usage-command.ts';
import { wallCommand } from './wall-command.ts';

const flags = ['--group-by', '--key-id', '--requests-per-minute', '--json', '--data-dir'];

test.each([
  ['--grup-by', '--group-by'],
  ['--by', '--group-by'],
  ['--by=owner', '--group-by'],
  ['--key', '--key-id'],
  ['--rpm', '--requests-per-minute'],
  ['--requests', '--requests-per-minute'],
  ['--jsn', '--json'],
  ['-json', '--json'],
])('%s is taken for %s', (word, meant) => {
  expect(flagHint(word, flags)).toBe(` (did you mean "${meant}"?)`);
});

test.each(['--', '-', '--zebra', '--r', '--y', '--b', `--${'a'.repeat(10_000)}`])(
  '%s is taken for none',
  (word) => {
    expect(flagHint(word, flags)).toBe('');
  },
);

const commands = {
  config: configCommand,
  db: dbCommand,
  keys: keysCommand,
  models: modelsCommand,
  owners: ownersCommand,
  prices: pricesCommand,
  serve: serveCommand,
  usage: usageCommand,
  wall: wallCommand,
};

test.each([
  ['config check --prob', '--probe'],
  ['config check --confg=x', '--config'],
  ['config chek', 'check'],
  ['db export - --data x', '--data-dir'],
  ['db exprt', 'export'],
  ['keys create --rpm 5', '--requests-per-minute'],
  ['keys create --expire 5d', '--expires'],
  ['keys lst', 'list'],
  ['models list --hlp', '--help'],
  ['models lst', 'list'],
  ['owners list --jsn', '--json'],
  ['owners update acme --streams 5', '--max-streams'],
  ['prices check --jsn', '--json'],
  ['prices chek', 'check'],
  ['serve --listn x', '--listen'],
  ['serve --dir x', '--data-dir'],
  ['usage --by x', '--group-by'],
  ['usage --key x', '--key-id'],
  ['wall --lst', '--list'],
  ['wall --listn=x', '--listen'],
])('tailrace %s names %s', async (line, meant) => {
  const [name = '', ...args] = line.split(' ');
  const [stdout, stderr, stdin] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const command = commands[name as keyof typeof commands];
  const status = await command(args, { env: {}, cwd: '/', stdout, stderr, stdin });
  expect(status).toBe(2);
  expect(stdout.read()).toBeNull();
  expect(String(stderr.read())).toContain(`(did you mean "${meant}"?)`);
});
