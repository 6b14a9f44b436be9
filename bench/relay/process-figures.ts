import { readFileSync } from 'node:fs';

/** What processes have used, from /proc; the kernel counts their time in ticks of 10 ms. */
export interface ProcessFigures {
  readonly userUs: number;
  readonly systemUs: number;
  readonly residentKb: number;
  /** The sum of each process's highest value since its start. */
  readonly peakKb: number;
}

const tickUs = 10_000;

/** Sums over these processes. Throws where one of them has ended. */
export function figuresOf(pids: readonly number[]): ProcessFigures {
  let sum = { userUs: 0, systemUs: 0, residentKb: 0, peakKb: 0 };
  for (const pid of pids) {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    sum = {
      userUs: sum.userUs + Number(fields[11]) * tickUs,
      systemUs: sum.systemUs + Number(fields[12]) * tickUs,
      residentKb: sum.residentKb + kbOf(status, 'VmRSS'),
      peakKb: sum.peakKb + kbOf(status, 'VmHWM'),
    };
  }
  return sum;
}

function kbOf(status: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0);
}

/** These processes and all that descend from them. */
export function withDescendants(pids: readonly number[]): number[] {
  return pids.flatMap((pid) => {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return [pid, ...(children === '' ? [] : withDescendants(children.split(' ').map(Number)))];
  });
}

/** CPU time of the whole machine, all cores together. */
export interface MachineFigures {
  readonly busyUs: number;
  /** What a hypervisor gave to another machine while this one had work. */
  readonly stolenUs: number;
}

export function figuresOfMachine(): MachineFigures {
  const [line = ''] = readFileSync('/proc/stat', 'utf8').split('\n');
  const [user = 0, nice = 0, system = 0, , , irq = 0, softIrq = 0, stolen = 0] = line
    .split(/\s+/)
    .slice(1)
    .map((ticks) => Number(ticks) * tickUs);
  return { busyUs: user + nice + system + irq + softIrq, stolenUs: stolen };
}
