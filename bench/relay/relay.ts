import type { Round } from './figures.ts';
import type { Options } from './options.ts';
import { measurePauses } from './pauses.ts';
import { machineRows, type Row, roundLine, tableOf, writeJson } from './report.ts';
import { inTurns, sayOf, sayWhoFellBehind, streamsJob, withStage } from './steady-load.ts';

const cpu: Row = { name: 'cpuUsEvent', title: 'CPU an event, µs', digits: 1, beside: 'ratio' };
const gapP99: Row = { name: 'gapP99Ms', title: 'gap excess p99, ms', digits: 2, beside: 'difference' };
const ttftP99: Row = { name: 'ttftP99Ms', title: 'TTFT p99, ms', digits: 2, beside: 'difference' };
const resident: Row = { name: 'residentMb', title: 'resident memory, MB', digits: 0 };

const rows: readonly Row[] = [
  cpu,
  { name: 'userUsEvent', title: 'of it user, µs', digits: 1 },
  { name: 'gapP50Ms', title: 'gap excess p50, ms', digits: 3, beside: 'difference' },
  gapP99,
  { name: 'gapMaxMs', title: 'gap excess max, ms', digits: 1 },
  { name: 'delayP50Ms', title: 'delay p50, ms', digits: 3, beside: 'difference' },
  { name: 'delayP99Ms', title: 'delay p99, ms', digits: 2, beside: 'difference' },
  { name: 'ttftP50Ms', title: 'TTFT p50, ms', digits: 2, beside: 'difference' },
  ttftP99,
  resident,
  { name: 'peakMb', title: 'its peak, MB', digits: 0 },
  { name: 'bytesEvent', title: 'bytes an event', digits: 0, beside: 'ratio' },
  { name: 'eventsPerSecond', title: 'events a second', digits: 0 },
  { name: 'loadUsEvent', title: "the load's CPU an event, µs", digits: 1 },
  { name: 'upstreamUsEvent', title: "the upstream's, µs", digits: 1 },
  ...machineRows,
];

/** Streams of some seconds, in each slot one after the other: CPU, gaps, time to the first event, memory. */
export async function relay(options: Options): Promise<void> {
  const say = sayOf(options);
  const rounds: Round[] = [];
  let pauses: unknown;
  let didNotKeepUp: string[] = [];
  await withStage(options, options.streams, async (stage) => {
    await inTurns(
      stage,
      options.rounds,
      (proxy, isFirst) => streamsJob(options, stage, proxy, isFirst),
      (round) => {
        rounds.push(round);
        say(roundLine(rounds, [cpu, gapP99, ttftP99, resident]));
      },
    );
    say(`\n${tableOf(rounds, rows)}`);
    didNotKeepUp = sayWhoFellBehind(options, rounds, say);
    if (options.pauses) pauses = await measurePauses(options, stage, say);
  });
  writeJson(options, rounds, { didNotKeepUp, ...(pauses === undefined ? {} : { pauses }) });
}
