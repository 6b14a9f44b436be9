import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

/** Ids of the processes whose parent is `pid`. Linux only: it reads /proc. */
export function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => parentOf(name) === pid)
    .map(Number);
}

function parentOf(pid: string): number | undefined {
  try {
    // The command in parentheses may hold spaces and parentheses; the parent is the second word behind it.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined;
  }
}

/** Resident memory in bytes. */
export function residentBytes(pid: number): number {
  return statusBytes(pid, 'VmRSS');
}

/** Starts to watch; the function it returns gives the most by which resident memory has exceeded its first value. */
export function watchPeak(pid: number): () => number {
  // "5" sets the peak back to what is resident now (man 5 proc).
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
  const before = residentBytes(pid);
  return () => statusBytes(pid, 'VmHWM') - before;
}

function statusBytes(pid: number, name: 'VmRSS' | 'VmHWM'): number {
  const kib = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(
    readFileSync(`/proc/${pid}/status`, 'utf8'),
  )?.[1];
  if (kib === undefined) throw new Error(`no ${name} for ${pid}`);
  return Number(kib) * 1024;
}

/** Milliseconds of processor time that the main thread of a process has used; Linux counts them in ticks of 10 ms. */
export function mainThreadCpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/task/${pid}/stat`, 'utf8');
  const [user, system] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13);
  return 10 * (Number(user) + Number(system));
}
