import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { posix } from 'node:path';

/** What {@link countCores} reads of the machine; tests replace it. */
export interface Machine {
  /** Cores by the scheduler's affinity mask. */
  readonly parallelism: number;
  /** The text of a file; undefined where it cannot be read. */
  read(path: string): string | undefined;
}

export const thisMachine: Machine = {
  parallelism: availableParallelism(),
  read(path) {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      return undefined;
    }
  },
};

/**
 * The cores that this process may use: by the affinity mask and by the CPU quotas of its control group and of the
 * groups
 * above it (versions 1 and 2). Rounded down, at least 1: with one thread more than cores all threads wait at each
 * barrier (measured: 0.3 tokens a second instead of 86).
 */
export function countCores(machine: Machine = thisMachine): number {
  const quota = Math.min(quotaOfVersion2(machine), quotaOfVersion1(machine));
  return Math.max(1, Math.floor(Math.min(machine.parallelism, quota)));
}

/** The threads to compute with: one less than the cores, or the configured number, but never more than the cores. */
export function chooseThreads(cores: number, configured?: number): number {
  if (configured === undefined) return Math.max(1, cores - 1);
  return Math.min(Math.max(1, configured), cores);
}

function quotaOfVersion2(machine: Machine): number {
  const own = groupPath(machine, (controllers) => controllers === '');
  return smallest(own, (group) => {
    const [quota, period] = (machine.read(`/sys/fs/cgroup${group}/cpu.max`) ?? '').trim().split(/\s+/);
    return ratio(quota, period);
  });
}

function quotaOfVersion1(machine: Machine): number {
  const own = groupPath(machine, (controllers) => controllers.split(',').includes('cpu'));
  return smallest(own, (group) => {
    const quota = machine.read(`/sys/fs/cgroup/cpu${group}/cpu.cfs_quota_us`);
    const period = machine.read(`/sys/fs/cgroup/cpu${group}/cpu.cfs_period_us`);
    return ratio(quota?.trim(), period?.trim());
  });
}

/** The control group of this process; in a container with its own name space it is `/`. */
function groupPath(machine: Machine, wanted: (controllers: string) => boolean): string {
  for (const line of (machine.read('/proc/self/cgroup') ?? '').split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers !== undefined && path !== undefined && wanted(controllers)) return path;
  }
  return '/';
}

/** The smallest quota of a group and all groups above it. */
function smallest(group: string, quotaOf: (group: string) => number): number {
  let least = Number.POSITIVE_INFINITY;
  for (let path = group; ; path = posix.dirname(path)) {
    const top = path === '/' || path === '.' || path === '';
    least = Math.min(least, quotaOf(top ? '' : path));
    if (top) return least;
  }
}

/** The cores of a quota; `max` and -1 mean that there is none. */
function ratio(quota: string | undefined, period: string | undefined): number {
  const cores = Number(quota) / Number(period);
  return Number.isFinite(cores) && cores > 0 ? cores : Number.POSITIVE_INFINITY;
}
