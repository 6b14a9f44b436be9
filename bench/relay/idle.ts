import { copyFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Round } from './figures.ts';
import { type Held, heldForEach } from './heap-table.ts';
import { startObserved } from './observed-tailrace.ts';
import type { Options } from './options.ts';
import { tailracesOf } from './pauses.ts';
import { figuresOf } from './process-figures.ts';
import type { RelayProxy } from './proxies.ts';
import { type Row, roundLine, type Say, tableOf, writeJson } from './report.ts';
import { type Stage, sayOf, withStage } from './steady-load.ts';

const weight: Row = { name: 'kbStream', title: 'memory a stream, kB', digits: 1, beside: 'difference' };
const rows: readonly Row[] = [
  weight,
  { name: 'restMb', title: 'without streams, MB', digits: 0 },
  { name: 'residentMb', title: 'with them, MB', digits: 0 },
];
const warmUpStreams = 300;
const settleMs = 3_000;
/** A snapshot of more would be too long for one string. */
const heapStreams = 2_000;
const heapRows = 40;

/** Resident memory for an open stream that has begun and is silent. Each round has processes of its own. */
export async function idle(options: Options): Promise<void> {
  const say = sayOf(options);
  const rounds: Round[] = [];
  for (let round = 1; round <= options.rounds; round += 1) {
    await withStage(options, options.streams, async (stage) => {
      for (const proxy of stage.proxies) {
        const pids = proxy.pids();
        if (pids.length === 0 && round === 1)
          say(`${proxy.name} is left out: its memory is unknown without pid=PID`);
        // A gateway that runs already has kept the memory of its first round.
        const isFresh = round === 1 || !options.gateways.some(({ name }) => name === proxy.name);
        if (pids.length === 0 || !isFresh) continue;
        rounds.push({ round, proxy: proxy.name, figures: await weigh(stage, proxy, options.streams) });
        say(roundLine(rounds, rows));
      }
    });
  }
  say(`\n${tableOf(rounds, rows)}`);
  const { heap } = options;
  const held = heap === undefined ? {} : { heap: await holdings(options, heap, say) };
  writeJson(options, rounds, held);
}

async function weigh({ processes }: Stage, proxy: RelayProxy, streams: number): Promise<Round['figures']> {
  await openStreams(processes, proxy, warmUpStreams);
  await processes.runLoad({ kind: 'close' });
  await sleep(settleMs);
  const rest = figuresOf(proxy.pids()).residentKb;
  await openStreams(processes, proxy, streams);
  await sleep(settleMs);
  const resident = figuresOf(proxy.pids()).residentKb;
  await processes.runLoad({ kind: 'close' });
  return { kbStream: (resident - rest) / streams, restMb: rest / 1_024, residentMb: resident / 1_024 };
}

async function openStreams(processes: Stage['processes'], proxy: RelayProxy, streams: number): Promise<void> {
  await processes.runLoad({ kind: 'open', target: proxy.target, streams }).catch((error: unknown) => {
    throw new Error(`${proxy.name}: ${error instanceof Error ? error.message : String(error)}`);
  });
}

/** What the heap holds for a silent stream behind a collection, by constructor, from two snapshots. */
async function holdings(options: Options, file: string, say: Say): Promise<Record<string, readonly Held[]>> {
  const all: Record<string, readonly Held[]> = {};
  const withoutProxies = { ...options, nginx: 'none', before: undefined, gateways: [] };
  await withStage(withoutProxies, heapStreams, async (stage) => {
    for (const { name, checkout } of tailracesOf(options)) {
      const proxy = await startObserved(stage, 'heap', name, checkout, options.kind);
      await openStreams(stage.processes, proxy, warmUpStreams);
      await stage.processes.runLoad({ kind: 'close' });
      await sleep(settleMs);
      await proxy.report();
      await openStreams(stage.processes, proxy, heapStreams);
      await sleep(settleMs);
      await proxy.report();
      await stage.processes.runLoad({ kind: 'close' });
      proxy.stop();
      const [before, after] = [1, 2].map((number) => {
        const kept = `${file}.${name}.${number === 1 ? 'rest' : 'open'}.heapsnapshot`;
        copyFileSync(`${proxy.file(number)}.heapsnapshot`, kept);
        return kept;
      });
      all[name] = heldForEach(before ?? '', after ?? '', heapStreams);
    }
  });
  const text = Object.entries(all)
    .map(([name, held]) => heapTable(name, held))
    .join('\n');
  writeFileSync(file, text);
  say(`\n${text}`);
  return all;
}

function heapTable(name: string, held: readonly Held[]): string {
  const line = (what: string, { count, bytes }: Omit<Held, 'name'>): string =>
    `| ${what} | ${count.toFixed(2)} | ${bytes.toFixed(0)} |`;
  const sum = held.reduce((all, one) => ({ count: all.count + one.count, bytes: all.bytes + one.bytes }), {
    count: 0,
    bytes: 0,
  });
  return [
    `| ${name}: constructor | objects a stream | bytes a stream |`,
    '| --- | --- | --- |',
    line('all', sum),
    ...held.slice(0, heapRows).map((one) => line(one.name.replaceAll('|', '\\|'), one)),
    '',
  ].join('\n');
}
