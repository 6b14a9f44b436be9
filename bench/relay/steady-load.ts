import { BenchProcesses } from './bench-processes.ts';
import { figuresOfResult, mediansOf, type Round } from './figures.ts';
import type { LoadJob, LoadResult } from './load/load-job.ts';
import type { Options } from './options.ts';
import { type RelayProxy, runningGateway, startNginx, startTailrace } from './proxies.ts';
import type { Say } from './report.ts';

/** The proxies of a run behind one upstream. The caller closes `processes`. */
export interface Stage {
  readonly processes: BenchProcesses;
  readonly upstream: { readonly port: number; readonly pid: number };
  readonly proxies: readonly RelayProxy[];
}

/** Later warm-ups only fill the connections and bring the proxy back into the caches. */
export const laterWarmUpMs = 3_000;

/** Starts the upstream and every proxy that the options name; `streams` is how many will be open at a time. */
export async function startStage(
  processes: BenchProcesses,
  options: Options,
  streams: number,
): Promise<Stage> {
  const { kind, before } = options;
  const upstream = await processes.startUpstream(kind, options.upstreamPort);
  const proxies: RelayProxy[] = [];
  // nginx translates nothing, so it can stand beside one protocol only.
  if (kind === 'openai' && options.nginx !== 'none') {
    proxies.push(await startNginx(processes, options.nginx, upstream.port, streams));
  }
  proxies.push(...options.gateways.map(runningGateway));
  if (before !== undefined) {
    proxies.push(await startTailrace(processes, upstream.port, { name: 'before', checkout: before, kind }));
  }
  proxies.push(await startTailrace(processes, upstream.port, { name: 'tailrace', kind }));
  if (options.resumable) {
    const { redis } = options;
    proxies.push(
      await startTailrace(processes, upstream.port, { name: 'resumable', kind, resumable: true, redis }),
    );
  }
  return { processes, upstream, proxies };
}

/** A job of streams as the options describe it. The first warm-up is long, because the compiler is still at work. */
export function streamsJob(
  options: Options,
  { upstream }: Stage,
  proxy: RelayProxy,
  isFirst: boolean,
): LoadJob {
  const { rate, streamSeconds } = options;
  // Every stream of the window has to have begun before it, or the ramp would be measured.
  const rampMs = streamSeconds * 1e3;
  const warmUpMs = isFirst ? options.warmUpSeconds * 1e3 : laterWarmUpMs;
  return {
    kind: 'streams',
    target: proxy.target,
    pids: proxy.pids(),
    upstreamPid: upstream.pid,
    order: {
      records: Math.round(rate * streamSeconds),
      intervalUs: Math.round(1e6 / rate),
      together: options.together,
    },
    slots: options.streams,
    keepAlive: options.keepAlive,
    warmUpMs: Math.max(rampMs, warmUpMs),
    measuredMs: options.seconds * 1e3,
  };
}

/** Measures each proxy in each round, in turns. */
export async function inTurns(
  stage: Stage,
  rounds: number,
  jobFor: (proxy: RelayProxy, isFirst: boolean) => LoadJob,
  onRound: (round: Round, result: LoadResult) => void,
): Promise<void> {
  for (let round = 1; round <= rounds; round += 1) {
    for (const proxy of stage.proxies) {
      const result = await runOn(stage, proxy, jobFor(proxy, round === 1));
      onRound({ round, proxy: proxy.name, figures: figuresOfResult(result) }, result);
    }
  }
}

/** One measurement; rejects, with the proxy's name, where an answer was not whole or nothing came. */
export async function runOn(
  { processes }: Stage,
  { name }: RelayProxy,
  job: LoadJob,
  onWindow?: (is: 'open' | 'closed') => void,
): Promise<LoadResult> {
  const result = await processes.runLoad(job, onWindow).catch((error: unknown) => {
    throw new Error(`${name}: ${error instanceof Error ? error.message : String(error)}`);
  });
  if (result === undefined) throw new Error(`${name}: nothing was measured`);
  if (result.events === 0) throw new Error(`${name}: no event came while it was measured`);
  return result;
}

/** Runs `body` with the processes of one run, and closes them behind it. */
export async function withStage<T>(
  options: Options,
  streams: number,
  body: (stage: Stage) => Promise<T>,
): Promise<T> {
  const processes = new BenchProcesses();
  try {
    return await body(await startStage(processes, options, streams));
  } finally {
    processes.close();
  }
}

/** A proxy that relays less than this share of the load is saturated: slots wait for it. */
const leastShare = 0.97;

/** Says which proxies did not relay the load of `streamsJob`, and returns their names. */
export function sayWhoFellBehind({ streams, rate }: Options, rounds: readonly Round[], say: Say): string[] {
  const least = leastShare * streams * rate;
  const behind = [...mediansOf(rounds)].filter(([, { eventsPerSecond = 0 }]) => eventsPerSecond < least);
  const names = behind.map(([name]) => name);
  if (names.length > 0) {
    say(
      `\nDid not keep up with ${streams * rate} events a second: ${names.join(', ')}. Their times are those of a queue.`,
    );
  }
  return names;
}

export function sayOf({ json }: Options): Say {
  return (line) => (json === '-' ? process.stderr : process.stdout).write(`${line}\n`);
}
