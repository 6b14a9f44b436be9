import { parseArgs } from 'node:util';
import { readStreams } from './load.ts';
import { Bench, cpuTicks, median, type RelayUnderTest } from './proxies.ts';

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
    help: { type: 'boolean', default: false },
  },
});
const ticksPerSecond = 100;

async function main(): Promise<number> {
  if (values.help) {
    console.log(
      'node bench/relay/bench.ts [--streams N] [--events N] [--rate N] [--rounds N] [--nginx PATH] [--before CHECKOUT]',
    );
    return 0;
  }
  const streams = Number(values.streams);
  const events = Number(values.events);
  const bench = new Bench();
  try {
    const upstreamPort = await bench.startUpstream(events, Number(values.rate));
    const nginx = await bench.startNginx(values.nginx, upstreamPort);
    const proxies = [nginx, await bench.startTailrace(upstreamPort)];
    if (values.before !== undefined) {
      proxies.push(await bench.startTailrace(upstreamPort, 'before', values.before));
    }

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
    const least = median(cpuUs.get(nginx.name) ?? []);
    for (const { name } of proxies) {
      const us = median(cpuUs.get(name) ?? []);
      console.log(`median   ${name.padEnd(9)} ${us.toFixed(1)} µs, ${(us / least).toFixed(2)} × nginx`);
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

process.exit(await main());
