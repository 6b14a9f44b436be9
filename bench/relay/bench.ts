import { parseArgs } from 'node:util';
import { readStreams } from './load.ts';
import { Bench, cpuTicks, type Kind, median, type RelayUnderTest } from './proxies.ts';

/**
 * CPU time for a relayed event, Tailrace and nginx (`proxy_pass`, unbuffered), in one run on one machine: the same
 * upstream, the same load, in rounds that take turns. Figures are the proxies' own CPU time (user and system, from
 * /proc); only the ratio holds on other machines. See README.md.
 */
const { values } = parseArgs({
  options: {
    streams: { type: 'string', default: '300' },
    events: { type: 'string', default: '250' },
    rate: { type: 'string', default: '50' },
    rounds: { type: 'string', default: '3' },
    nginx: { type: 'string', default: 'nginx' },
    before: { type: 'string' },
    kind: { type: 'string', default: 'openai' },
    help: { type: 'boolean', default: false },
  },
});
const ticksPerSecond = 100;

async function main(): Promise<number> {
  if (values.help) {
    console.log(
      'node bench/relay/bench.ts [--streams N] [--events N] [--rate N] [--rounds N] [--nginx PATH] [--before CHECKOUT] [--kind openai|anthropic|gemini]',
    );
    return 0;
  }
  const streams = Number(values.streams);
  const events = Number(values.events);
  const bench = new Bench();
  try {
    const kind = kindOf(values.kind);
    const upstreamPort = await bench.startUpstream(events, Number(values.rate), 0, kind);
    const proxies: RelayUnderTest[] = [];
    // nginx translates nothing, so it can stand beside one protocol only.
    if (kind === 'openai') proxies.push(await bench.startNginx(values.nginx, upstreamPort));
    if (values.before !== undefined) {
      proxies.push(await bench.startTailrace(upstreamPort, 'before', values.before, kind));
    }
    proxies.push(await bench.startTailrace(upstreamPort, 'tailrace', undefined, kind));

    const cpuUs = new Map<string, number[]>();
    // A round that does not count: the figures are those of a warm server, after compilation.
    for (const proxy of proxies) await measure(proxy, streams);
    for (let round = 0; round < Number(values.rounds); round += 1) {
      for (const proxy of proxies) {
        const us = await measure(proxy, streams);
        cpuUs.set(proxy.name, [...(cpuUs.get(proxy.name) ?? []), us]);
        console.log(`round ${round + 1}  ${proxy.name.padEnd(9)} ${us.toFixed(1)} µs of CPU an event`);
      }
    }
    const [first = { name: '' }] = proxies;
    const base = median(cpuUs.get(first.name) ?? []);
    for (const { name } of proxies) {
      const us = median(cpuUs.get(name) ?? []);
      console.log(
        `median   ${name.padEnd(9)} ${us.toFixed(1)} µs, ${(us / base).toFixed(2)} × ${first.name}`,
      );
    }
    return 0;
  } finally {
    bench.close();
  }

  async function measure(proxy: RelayUnderTest, count: number): Promise<number> {
    const before = cpuTicks(proxy.pids());
    const target = { port: proxy.port, path: proxy.path, key: 'bench-key', model: 'bench' };
    const { events: seen, whole } = await readStreams(target, count, events);
    // Broken streams would cost less than whole ones.
    if (whole !== count) throw new Error(`${proxy.name}: only ${whole} of ${count} streams arrived whole`);
    const ticks = cpuTicks(proxy.pids()) - before;
    return (ticks / ticksPerSecond / seen) * 1e6;
  }
}

function kindOf(text: string): Kind {
  if (text === 'openai' || text === 'anthropic' || text === 'gemini') return text;
  throw new Error(`--kind takes openai, anthropic or gemini, not ${text}`);
}

process.exit(await main());
