import { startObserved } from './observed-tailrace.ts';
import type { Options } from './options.ts';
import type { Say } from './report.ts';
import { runOn, type Stage, streamsJob } from './steady-load.ts';

/** What `observer.cjs` reports of a process's pauses. */
interface Pauses {
  readonly maxMs: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly collections: Readonly<Record<string, { count: number; maxMs: number; totalMs: number }>>;
}

/** So many times the length of a measurement: the worst pause is rare. With the default length it is a minute. */
const longer = 3;

/**
 * The pauses of Tailrace's event loop under the load of `relay`, in processes of their own. The observer's timer ticks
 * a thousand times a second there, so nothing else is measured in them.
 */
export async function measurePauses(
  options: Options,
  stage: Stage,
  say: Say,
): Promise<Record<string, Pauses>> {
  const measured: Record<string, Pauses> = {};
  for (const { name, checkout } of tailracesOf(options)) {
    const proxy = await startObserved(stage, 'pauses', name, checkout, options.kind);
    const seconds = longer * options.seconds;
    const reports: Promise<unknown>[] = [];
    // The first report begins the measurement, the second one ends it.
    await runOn(stage, proxy, streamsJob({ ...options, seconds }, stage, proxy, true), () => {
      reports.push(proxy.report());
    });
    const pauses = (await Promise.all(reports)).at(-1) as Pauses;
    measured[name] = pauses;
    say(
      `\n${name}: pauses of the event loop in ${seconds} s: max ${pauses.maxMs.toFixed(1)} ms, ` +
        `p99.9 ${pauses.p999Ms.toFixed(1)}, p99 ${pauses.p99Ms.toFixed(1)}`,
    );
    for (const [kind, { count, maxMs, totalMs }] of Object.entries(pauses.collections)) {
      say(
        `  collections, ${kind}: ${count}, longest ${maxMs.toFixed(1)} ms, ${totalMs.toFixed(0)} ms together`,
      );
    }
    proxy.stop();
  }
  return measured;
}

/** This checkout's Tailrace and, with `--before`, the other one. */
export function tailracesOf({ before }: Options): { readonly name: string; readonly checkout?: string }[] {
  return [...(before === undefined ? [] : [{ name: 'before', checkout: before }]), { name: 'tailrace' }];
}
