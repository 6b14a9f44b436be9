import { spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { configCommand } from './config-command.ts';
import { dbCommand } from './db-command.ts';
import { keysCommand } from './keys-command.ts';
import { modelsCommand } from './models-command.ts';
import { ownersCommand } from './owners-command.ts';
import { pricesCommand } from './prices-command.ts';
import { serveCommand } from './serve-command.ts';
import { usageCommand } from './usage-command.ts';
import { wallCommand } from './wall-command.ts';

const main = fileURLToPath(new URL('main.ts', import.meta.url));
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tailrace-output-'));
  await writeFile(join(folder, 'tailrace.yaml'), 'engine: {enabled: false}\n');
  await run(keysCommand, 'create --name there', new PassThrough());
});
afterAll(() => rm(folder, { recursive: true }));

type Io = Parameters<typeof dbCommand>[1];
type Command = (args: string[], io: Io) => Promise<number>;

async function run(command: Command, words: string, stdout: Writable) {
  const stderr = new PassThrough();
  const io = { env: {}, cwd: folder, stdout, stderr, stdin: new PassThrough() };
  const code = await command(words.split(' '), io);
  return { code, err: String(stderr.read() ?? '') };
}

/** As the stream of a file on a full disk. */
function full(): Writable {
  return new Writable({
    write: (_piece, _encoding, done) =>
      done(Object.assign(new Error('write'), { code: 'ENOSPC', syscall: 'write' })),
  });
}

describe('standard output that takes nothing', () => {
  it.each<[string, Command, string]>([
    ['keys', keysCommand, 'list'],
    ['keys', keysCommand, 'list --json'],
    ['keys', keysCommand, 'list --help'],
    ['owners', ownersCommand, 'list'],
    ['owners', ownersCommand, 'create acme'],
    ['owners', ownersCommand, 'show default'],
    ['owners', ownersCommand, 'delete acme'],
    ['usage', usageCommand, '--csv'],
    ['usage', usageCommand, '--json'],
    ['usage', usageCommand, '--budgets --csv'],
    ['prices', pricesCommand, 'check'],
    ['prices', pricesCommand, 'check --json'],
    ['config', configCommand, 'check'],
    ['models', modelsCommand, 'list'],
    ['db', dbCommand, '--help'],
    ['serve', serveCommand, '--help'],
    ['wall', wallCommand, '--list'],
  ])('fails %s', async (_name, command, words) => {
    await expect(run(command, words, full())).rejects.toThrow('standard output: the disk is full');
  });

  it('a new key whose secret is lost is revoked again', async () => {
    for (const form of ['', ' --json']) {
      const { code, err } = await run(keysCommand, `create --name lost${form}`, full());
      expect([code, err]).toEqual([
        1,
        expect.stringMatching(
          /^tailrace: standard output: the disk is full; the secret of the new key_\w+ was not shown, so the key is revoked again\n$/,
        ),
      ]);
    }
    const out = new PassThrough();
    await run(keysCommand, 'list --all --json', out);
    const lost = JSON.parse(String(out.read())).data.filter(({ name }: { name: string }) => name === 'lost');
    expect(lost).toHaveLength(2);
    expect(lost.every(({ revoked_at: at }: { revoked_at: string | null }) => at !== null)).toBe(true);
  });

  it('a new secret that is lost says what became of the old one', async () => {
    const out = new PassThrough();
    await run(keysCommand, 'list --json', out);
    const {
      data: [{ id }],
    } = JSON.parse(String(out.read()));
    const { code, err } = await run(keysCommand, `rotate ${id}`, full());
    expect([code, err]).toEqual([
      1,
      `tailrace: standard output: the disk is full; the new secret of ${id} was not shown, and the old secret has ended; rotate the key again\n`,
    ]);
  });

  async function runWith(output: number | 'pipe') {
    const child = spawn(process.execPath, ['--conditions=tailrace-source', main, 'keys', 'list'], {
      cwd: folder,
      stdio: ['ignore', output, 'pipe'],
    });
    // The reader of a pipe leaves at once.
    child.stdout?.destroy();
    let err = '';
    child.stderr?.on('data', (piece: Buffer) => {
      err += piece.toString();
    });
    const code = await new Promise((resolve) => child.on('close', resolve));
    return [code, err];
  }

  it.runIf(process.platform === 'linux')('ends the process with status 1 and one line', async () => {
    const full = openSync('/dev/full', 'w');
    expect(await runWith(full)).toEqual([1, 'tailrace: standard output: the disk is full\n']);
  });

  it('a reader that has enough, as head, gets no message', async () => {
    expect(await runWith('pipe')).toEqual([1, '']);
  });
});
