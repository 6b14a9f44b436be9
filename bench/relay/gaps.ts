import { histogramOf, type Round } from './figures.ts';
import { type Histogram, lowerEdge } from './histogram.ts';
import type { LoadResult } from './load/load-job.ts';
import type { Options } from './options.ts';
import { machineRows, type Row, roundLine, tableOf, writeJson } from './report.ts';
import { inTurns, sayOf, sayWhoFellBehind, streamsJob, withStage } from './steady-load.ts';

const gapP99: Row = { name: 'gapP99Ms', title: 'gap excess p99, ms', digits: 2, beside: 'difference' };
const delayP99: Row = { name: 'delayP99Ms', title: 'delay p99, ms', digits: 2, beside: 'difference' };
const rows: readonly Row[] = [
  { name: 'gapP50Ms', title: 'gap excess p50, ms', digits: 3, beside: 'difference' },
  gapP99,
  { name: 'gapMaxMs', title: 'gap excess max, ms', digits: 1 },
  { name: 'delayP50Ms', title: 'delay p50, ms', digits: 3, beside: 'difference' },
  delayP99,
  ...machineRows,
];
const edgesUs = [0, 50, 100, 200, 500, 1e3, 2e3, 5e3, 10e3, 20e3, 50e3, 100e3];
const barLength = 50;

/** The load of `relay`; how much later events come than they were sent, as a histogram over all rounds. */
export async function gaps(options: Options): Promise<void> {
  const say = sayOf(options);
  const rounds: Round[] = [];
  const results = new Map<string, LoadResult[]>();
  await withStage(options, options.streams, async (stage) => {
    await inTurns(
      stage,
      options.rounds,
      (proxy, isFirst) => streamsJob(options, stage, proxy, isFirst),
      (round, result) => {
        rounds.push(round);
        results.set(round.proxy, [...(results.get(round.proxy) ?? []), result]);
        say(roundLine(rounds, [gapP99, delayP99]));
      },
    );
  });
  const histograms: Record<string, unknown> = {};
  for (const [proxy, all] of results) {
    const gap = histogramOf(all.map((each) => each.gap));
    const delay = histogramOf(all.map((each) => each.delay));
    say(
      `\n${proxy}: gap excess\n${barsOf(gap)}\n${proxy}: delay from the upstream's write\n${barsOf(delay)}`,
    );
    histograms[proxy] = { gapUs: pairsOf(gap), delayUs: pairsOf(delay) };
  }
  say(`\n${tableOf(rounds, rows)}`);
  const didNotKeepUp = sayWhoFellBehind(options, rounds, say);
  writeJson(options, rounds, { didNotKeepUp, histograms });
}

/** Pairs of a bucket's lower edge, in µs, and its count. */
function pairsOf(histogram: Histogram): [number, number][] {
  return histogram.toJSON().buckets.map(([bucket, count]) => [Math.round(lowerEdge(bucket)), count]);
}

/** A line for each range, its bar as long as its share. A mark stands for less than half a character. */
function barsOf(histogram: Histogram): string {
  return edgesUs
    .map((fromUs, index) => {
      const toUs = edgesUs[index + 1] ?? Number.POSITIVE_INFINITY;
      const count = histogram.countBetween(fromUs, toUs);
      const share = count / Math.max(1, histogram.total);
      const bar = '█'.repeat(Math.round(share * barLength)) || (count > 0 ? '·' : '');
      const range = `${(fromUs / 1e3).toString().padStart(6)} ms …`;
      return `${range} ${(share * 100).toFixed(3).padStart(7)} %  ${bar}`.trimEnd();
    })
    .join('\n');
}
