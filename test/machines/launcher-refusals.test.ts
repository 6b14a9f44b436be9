import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { startChild } from '../support/child.ts';
import { until } from '../support/until.ts';
import {
  copyTrackedFiles,
  fetchToolchains,
  machineEnvironment,
  mountable,
  toolchain,
  unplugged,
  unsuited,
} from './machine.ts';
import { ended, killTree, machineOfTest, npm10, takenAddress, track } from './test-machine.ts';

describe.skipIf(unsuited)(
  `what the launcher refuses${unsuited === undefined ? '' : ` (skipped: ${unsuited})`}`,
  () => {
    beforeAll(async () => {
      await fetchToolchains([
        ['20.20.2', npm10],
        ['22.23.3', npm10],
      ]);
    });

    test('a port that is taken is refused before Node is brought, from a flag and from the environment', async () => {
      const machine = machineOfTest('20.20.2', npm10);
      const address = await takenAddress();
      const byFlag = await ended(machine.npm(['--silent', 'start', '--', '--listen', address], unplugged));
      const env = { ...unplugged, TAILRACE_LISTEN: address };
      const byEnvironment = await ended(machine.launch(['serve', '--no-engine'], env));
      for (const told of [byFlag, byEnvironment]) {
        expect(told).toMatchObject({ code: 1, stdout: '' });
        expect(told.stderr).toMatch(/^tailrace: port \d+ on 127\.0\.0\.1 is in use; [^\n]*\n$/);
      }
      expect(existsSync(path.join(machine.folder, '.tools'))).toBe(false);
      // Help and the other commands need no port.
      const help = track(machine.launch(['serve', '--listen', address, '--help'], unplugged));
      await until('Node to be brought', 60_000, () =>
        help.stderr().includes('bringing Node 24') ? true : undefined,
      );
      await killTree(help);
    });

    test('a registry that cannot be reached is one clear line and exit 1', async () => {
      const machine = machineOfTest('20.20.2', npm10);
      const emptyCache = { ...unplugged, npm_config_cache: path.join(machine.scratch.path, 'npm-cache') };
      const told = await ended(machine.launch(['serve', '--listen', '127.0.0.1:0'], emptyCache));
      expect(told).toMatchObject({ code: 1, stdout: '' });
      expect(told.stderr.trim().split('\n').at(-1)).toMatch(
        /^tailrace: npm cannot reach its registry, so Node 24\.21\.0 could not be fetched/,
      );
    });

    test.skipIf(process.getuid?.() !== 0)(
      'a folder that cannot be written is one clear line and exit 1 (needs root, to become another user)',
      async () => {
        const tools = toolchain('22.23.3', npm10);
        const machine = machineOfTest('22.23.3', npm10);
        chmodSync(machine.scratch.path, 0o755);
        const env = machineEnvironment(tools, machine.scratch, {});
        // `nobody` may not look into root's home folder, where the toolchain lies in a checkout there.
        const node = path.join(machine.scratch.path, 'bin/node');
        execFileSync('cp', [tools.node, node]);
        const script = `process.setgid(65534); process.setuid(65534); process.chdir(${JSON.stringify(machine.folder)}); process.argv.splice(1, 1, 'launch', '--version'); require(${JSON.stringify(`${machine.folder}/launch`)})`;
        const told = await ended(startChild(node, ['-e', script, 'x'], { cwd: machine.folder, env }));
        expect(told.code).toBe(1);
        expect(told.stderr).toMatch(/^tailrace: cannot write to .*\.tools.* \(EACCES\)[^\n]*\n$/);
      },
    );

    const tmpfs = mountable();
    test.skipIf(tmpfs !== undefined)(
      `a full disk is one clear line and exit 1${tmpfs === undefined ? '' : ` (skipped: ${tmpfs})`}`,
      async () => {
        const tools = toolchain('22.23.3', npm10);
        const machine = machineOfTest('22.23.3', npm10);
        const small = path.join(machine.scratch.path, 'small');
        mkdirSync(small);
        execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', small]);
        try {
          const folder = path.join(small, 'clone');
          copyTrackedFiles(folder);
          const env = machineEnvironment(tools, machine.scratch, {});
          const told = await ended(startChild(tools.node, ['launch', '--version'], { cwd: folder, env }));
          expect(told.code).toBe(1);
          expect(told.stderr.trim().split('\n').at(-1)).toMatch(
            /^tailrace: the disk is full: [^\n]* could not be written to /,
          );
        } finally {
          execFileSync('umount', ['-l', small]);
        }
      },
    );
  },
);
