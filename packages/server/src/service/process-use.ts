import { readFileSync, statSync } from 'node:fs';

/** What another process uses of the machine. */
export interface ProcessUse {
  readonly residentBytes: number;
  readonly cpuMs: number;
}

/** Linux counts CPU time in hundredths of a second for other processes, whatever its kernel's own clock is. */
const msPerTick = 10;

/** Undefined where the process has ended, and on other systems than Linux. It takes some 50 µs. */
export function useOfProcess(pid: number): ProcessUse | undefined {
  const stat = readOrNothing(`/proc/${pid}/stat`);
  const status = readOrNothing(`/proc/${pid}/status`);
  const resident = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  // The name of the program, in parentheses, may have any character. User and system time are the fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  if (resident === undefined || Number.isNaN(ticks)) return undefined;
  return { residentBytes: Number(resident) * 1_024, cpuMs: ticks * msPerTick };
}

/** The open file descriptors of this process, and the most that it may have. Undefined on other systems than Linux. */
export function openFiles(): { readonly open: number; readonly most: number } | undefined {
  try {
    // Since Linux 6.2 the size of the folder is the number of its entries; before it is 0.
    const open = statSync('/proc/self/fd').size;
    const most = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return most === undefined || open === 0 ? undefined : { open, most: Number(most) };
  } catch {
    return undefined;
  }
}

function readOrNothing(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
