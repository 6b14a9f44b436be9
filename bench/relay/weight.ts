import type { Socket } from 'node:net';
import { parseArgs } from 'node:util';
import { openStreams } from './load.ts';
import { Bench, median, type RelayUnderTest, residentKb } from './proxies.ts';

/**
 * Kilobytes of resident memory for one open stream, in Tailrace, in nginx and, with `--before`, in another checkout. The
 * streams have begun and are silent, and the proxy is warm. Each round starts its own processes. See README.md.
 */
const { values } = parseArgs({
  options: {
    streams: { type: 'string', default: '2000' },
    rounds: { type: 'string', default: '3' },
    nginx: { type: 'string', default: 'nginx' },
    before: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
const warmUpStreams = 300;
const settleMs = 3_000;

async function main(): Promise<number> {
  if (values.help) {
    console.log('node bench/relay/weight.ts [--streams N] [--rounds N] [--nginx PATH] [--before CHECKOUT]');
    return 0;
  }
  const weights = new Map<string, number[]>();
  const starts: ((bench: Bench, port: number) => Promise<RelayUnderTest>)[] = [
    (bench, port) => bench.startNginx(values.nginx, port),
    (bench, port) => bench.startTailrace(port),
  ];
  const { before } = values;
  if (before !== undefined) starts.push((bench, port) => bench.startTailrace(port, 'before', before));
  for (let round = 0; round < Number(values.rounds); round += 1) {
    for (const start of starts) {
      const { name, kb } = await weigh(start);
      weights.set(name, [...(weights.get(name) ?? []), kb]);
      console.log(`round ${round + 1}  ${name.padEnd(9)} ${kb.toFixed(1)} kB a stream`);
    }
  }
  for (const [name, all] of weights) console.log(`median   ${name.padEnd(9)} ${median(all).toFixed(1)} kB`);
  return 0;
}

async function weigh(
  start: (bench: Bench, upstreamPort: number) => Promise<RelayUnderTest>,
): Promise<{ readonly name: string; readonly kb: number }> {
  const count = Number(values.streams);
  const bench = new Bench();
  let open: readonly Socket[] = [];
  try {
    // The upstream sends one word, and the next after an hour.
    const proxy = await start(bench, await bench.startUpstream(2, 1 / 3_600, 1));
    const target = { port: proxy.port, path: proxy.path, key: 'bench-key', model: 'bench' };
    for (const socket of await openStreams(target, warmUpStreams)) socket.destroy();
    await settled();
    const least = residentKb(proxy.pids());
    open = await openStreams(target, count);
    await settled();
    return { name: proxy.name, kb: (residentKb(proxy.pids()) - least) / count };
  } finally {
    for (const socket of open) socket.destroy();
    bench.close();
  }
}

function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, settleMs));
}

process.exit(await main());
