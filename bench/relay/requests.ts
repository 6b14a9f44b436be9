import type { Round } from './figures.ts';
import type { LoadJob } from './load/load-job.ts';
import type { Options } from './options.ts';
import type { RelayProxy } from './proxies.ts';
import { machineRows, type Row, roundLine, tableOf, writeJson } from './report.ts';
import { inTurns, laterWarmUpMs, type Stage, sayOf, withStage } from './steady-load.ts';

const cpu: Row = { name: 'cpuUsAnswer', title: 'CPU a request, µs', digits: 0, beside: 'ratio' };
const ttftP99: Row = { name: 'ttftP99Ms', title: 'TTFT p99, ms', digits: 2, beside: 'difference' };
const answered: Row = { name: 'answersPerSecond', title: 'answers a second', digits: 0 };

const rows: readonly Row[] = [
  cpu,
  { name: 'userUsAnswer', title: 'of it user, µs', digits: 0 },
  { name: 'ttftP50Ms', title: 'TTFT p50, ms', digits: 2, beside: 'difference' },
  ttftP99,
  { name: 'offeredPerSecond', title: 'requests offered a second', digits: 0 },
  answered,
  { name: 'residentMb', title: 'resident memory, MB', digits: 0 },
  { name: 'bytesAnswer', title: 'bytes an answer', digits: 0, beside: 'ratio' },
  { name: 'loadUsAnswer', title: "the load's CPU a request, µs", digits: 0 },
  { name: 'upstreamUsAnswer', title: "the upstream's, µs", digits: 0 },
  ...machineRows,
];
/** A proxy that answers less of what was offered did not keep up. */
const leastShare = 0.98;

/** Short answers at a steady pace, whether earlier ones have ended or not: what a request costs. */
export async function requests(options: Options): Promise<void> {
  const say = sayOf(options);
  const rounds: Round[] = [];
  const behind = new Set<string>();
  await withStage(options, options.rate, async (stage) => {
    await inTurns(
      stage,
      options.rounds,
      (proxy, isFirst) => requestsJob(options, stage, proxy, isFirst),
      ({ round, proxy, figures }, { ended, offered, skipped, seconds }) => {
        const { events = 0, cpuUsEvent = 0, userUsEvent = 0, bytesEvent = 0 } = figures;
        const { loadUsEvent = 0, upstreamUsEvent = 0 } = figures;
        const each = events / ended;
        rounds.push({
          round,
          proxy,
          figures: {
            ...figures,
            offeredPerSecond: offered / seconds,
            answersPerSecond: ended / seconds,
            skipped,
            cpuUsAnswer: cpuUsEvent * each,
            userUsAnswer: userUsEvent * each,
            bytesAnswer: bytesEvent * each,
            loadUsAnswer: loadUsEvent * each,
            upstreamUsAnswer: upstreamUsEvent * each,
          },
        });
        say(roundLine(rounds, [cpu, ttftP99, answered]));
        if (ended >= leastShare * offered && skipped === 0) return;
        behind.add(proxy);
        say(
          `         ${proxy} did not keep up: ${ended} answers for ${offered} requests, ${skipped} not sent`,
        );
      },
    );
  });
  say(`\n${tableOf(rounds, rows)}`);
  if (behind.size > 0) say(`\nDid not keep up: ${[...behind].join(', ')}. Their times are those of a queue.`);
  writeJson(options, rounds, { didNotKeepUp: [...behind] });
}

function requestsJob(options: Options, { upstream }: Stage, proxy: RelayProxy, isFirst: boolean): LoadJob {
  return {
    kind: 'requests',
    target: proxy.target,
    pids: proxy.pids(),
    upstreamPid: upstream.pid,
    order: { records: options.events, intervalUs: options.intervalMs * 1e3, together: false },
    perSecond: options.rate,
    keepAlive: options.keepAlive,
    warmUpMs: isFirst ? options.warmUpSeconds * 1e3 : laterWarmUpMs,
    measuredMs: options.seconds * 1e3,
  };
}
