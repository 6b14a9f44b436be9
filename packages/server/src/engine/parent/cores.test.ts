import { describe, expect, test } from 'vitest';
import { chooseThreads, countCores, type Machine } from './cores.ts';

function machine(parallelism: number, files: Record<string, string> = {}): Machine {
  return { parallelism, read: (path) => files[path] };
}

describe('cores', () => {
  test('without control groups the affinity mask counts', () => {
    expect(countCores(machine(6))).toBe(6);
  });

  test('a quota of version 2 lowers the count, rounded down', () => {
    expect(
      countCores(machine(16, { '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': '250000 100000\n' })),
    ).toBe(2);
  });

  test('a quota below one core still leaves one', () => {
    expect(countCores(machine(4, { '/sys/fs/cgroup/cpu.max': '20000 100000' }))).toBe(1);
  });

  test('without a quota there is no limit', () => {
    expect(countCores(machine(4, { '/sys/fs/cgroup/cpu.max': 'max 100000' }))).toBe(4);
    expect(
      countCores(
        machine(4, {
          '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n',
          '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
        }),
      ),
    ).toBe(4);
  });

  test('the smallest quota of the group and all groups above it counts', () => {
    const files = {
      '/proc/self/cgroup': '0::/system.slice/tailrace.service\n',
      '/sys/fs/cgroup/system.slice/tailrace.service/cpu.max': 'max 100000',
      '/sys/fs/cgroup/system.slice/cpu.max': '300000 100000',
    };
    expect(countCores(machine(8, files))).toBe(3);
  });

  test('a quota of version 1 is found in the group of the cpu controller', () => {
    const files = {
      '/proc/self/cgroup': '4:memory:/m\n3:cpu,cpuacct:/docker/abc\n',
      '/sys/fs/cgroup/cpu/docker/abc/cpu.cfs_quota_us': '150000\n',
      '/sys/fs/cgroup/cpu/docker/abc/cpu.cfs_period_us': '50000\n',
    };
    expect(countCores(machine(8, files))).toBe(3);
  });

  test('one core is left to the server, and no configuration gives more threads than cores', () => {
    expect(chooseThreads(1)).toBe(1);
    expect(chooseThreads(2)).toBe(1);
    expect(chooseThreads(8)).toBe(7);
    expect(chooseThreads(2, 2)).toBe(2);
    expect(chooseThreads(2, 16)).toBe(2);
  });
});
