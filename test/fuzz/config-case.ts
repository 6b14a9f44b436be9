import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { formatProblem } from '../../packages/server/src/config/config-problem.ts';
import { loadConfig } from '../../packages/server/src/config/load-config.ts';
import type { TestServer } from '../support/server.ts';
import { configEnvironment, configText } from './config-texts.ts';
import type { Dice } from './dice.ts';
import { leakIn } from './planted.ts';

const giveUpMs = 10_000;

/** Reads a configuration as a start would; its problems must show nothing of the environment. */
export async function judgeConfigText(dice: Dice): Promise<string | undefined> {
  const said = await problemsOf(configText(dice));
  return typeof said === 'string' ? said : leakIn(said.join('\n'));
}

/** Every problem and warning of a text; a text where reading it failed in another way. */
async function problemsOf(text: string): Promise<readonly string[] | string> {
  try {
    const read = async () => ({ ok: true, text, again: true }) as const;
    const loaded = await loadConfig({
      env: configEnvironment,
      cwd: '/',
      files: { read, readLarge: read, isFile: async () => true },
    });
    return loaded.ok ? loaded.warnings : loaded.problems.map(formatProblem);
  } catch (error) {
    return `reading the configuration threw ${String(error)}`;
  }
}

/**
 * A running server reloads a file that is wrong, or no file at all. It has to refuse in time, show nothing planted, and
 * accept the good file afterwards.
 */
export async function judgeReload(dice: Dice, server: TestServer): Promise<string | undefined> {
  const good = readFileSync(server.configFile);
  try {
    const expected = await spoil(dice, server.configFile, good);
    const bad = await reload(server);
    const leak = leakIn(bad.text);
    if (leak !== undefined) return leak;
    if (bad.status >= 500) return `a reload answered ${bad.status}: ${bad.text}`;
    if (expected === 'refused' && bad.status === 200) return 'a reload took a file that is wrong';
  } finally {
    rmSync(server.configFile, { force: true, recursive: true });
    writeFileSync(server.configFile, good);
  }
  const again = await reload(server);
  return again.status === 200 ? undefined : `the good file was refused behind it: ${again.text}`;
}

/** Replaces the file by something else; returns whether that has to be refused. */
async function spoil(dice: Dice, file: string, good: Buffer): Promise<'refused' | 'either'> {
  const remove = () => rmSync(file, { force: true });
  switch (dice.int(0, 6)) {
    case 0:
      remove();
      return 'refused';
    case 1:
      remove();
      mkdirSync(file);
      return 'refused';
    case 2:
      remove();
      execFileSync('mkfifo', [file]);
      return 'refused';
    case 3:
      writeFileSync(file, good.subarray(0, dice.int(1, good.length - 2)));
      return 'refused';
    case 4:
      writeFileSync(file, Buffer.concat([good, Buffer.from(' '.repeat(dice.size(3_000_000)))]));
      // Over 1 MiB it is refused.
      return 'either';
    default: {
      const text = configText(dice);
      const said = await problemsOf(text);
      // A valid file would change the server for the other cases.
      writeFileSync(
        file,
        typeof said === 'string' || said.length === 0 ? '{"unknown": 1}' : `${text}\nunknown: 1\n`,
      );
      return 'refused';
    }
  }
}

async function reload(server: TestServer): Promise<{ readonly status: number; readonly text: string }> {
  const response = await fetch(`${server.baseUrl}/admin/v1/reload`, {
    method: 'POST',
    headers: { authorization: `Bearer ${server.adminKey}` },
    signal: AbortSignal.timeout(giveUpMs),
  });
  return { status: response.status, text: await response.text() };
}
