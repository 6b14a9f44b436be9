import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { posix } from 'node:path';

/** What {@link countCores} looks at; injected by tests. */
export interface Machine {
  /** Cores by the scheduler's affinity mask. */
  readonly parallelism: number;
  /** The text of a file, undefined where it can't be read. */
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
 * Cores that are really there: the affinity mask, and the CPU quota of the control group and of every group
 * above it (versions 1 and 2). Whole cores, rounded down, at least 1: a thread more than there are cores
 * makes every thread wait at every barrier (measured: 86 tokens a second fall to 0.3).
 */
export function countCores(machine: Machine = thisMachine): number {
  const quota = Math.min(quotaOfVersion2(machine), quotaOfVersion1(machine));
  return Math.max(1, Math.floor(Math.min(machine.parallelism, quota)));
}

/**
 * Threads to compute with: one core is left to the server. A configured number is taken up to the cores there
 * are, never above.
 */
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

/** The group this process is in; inside a container its own name space makes that `/`. */
function groupPath(machine: Machine, wanted: (controllers: string) => boolean): string {
  for (const line of (machine.read('/proc/self/cgroup') ?? '').split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers !== undefined && path !== undefined && wanted(controllers)) return path;
  }
  return '/';
}

/** The tightest quota from a group up to the root. */
function smallest(group: string, quotaOf: (group: string) => number): number {
  let least = Number.POSITIVE_INFINITY;
  for (let path = group; ; path = posix.dirname(path)) {
    const top = path === '/' || path === '.' || path === '';
    least = Math.min(least, quotaOf(top ? '' : path));
    if (top) return least;
  }
}

/** `max` and -1 mean that there is no quota. */
function ratio(quota: string | undefined, period: string | undefined): number {
  const cores = Number(quota) / Number(period);
  return Number.isFinite(cores) && cores > 0 ? cores : Number.POSITIVE_INFINITY;
}
