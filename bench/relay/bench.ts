import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readStreams } from './load.ts';

/**
 * CPU a relayed event, Tailrace beside nginx (`proxy_pass`, unbuffered), in one run on one machine: the same
 * upstream, the same load, rounds that take turns. Figures are the proxies' own CPU time (user and system,
 * from /proc) less what they use idle; only the ratio travels to other machines. See README.md.
 */
const { values } = parseArgs({
  options: {
    streams: { type: 'string', default: '300' },
    events: { type: 'string', default: '250' },
    rate: { type: 'string', default: '50' },
    rounds: { type: 'string', default: '3' },
    nginx: { type: 'string', default: 'nginx' },
    help: { type: 'boolean', default: false },
  },
});
const root = new URL('../../', import.meta.url).pathname;
const ticksPerSecond = 100;

interface Proxy {
  readonly name: string;
  readonly port: number;
  readonly path: string;
  /** The processes whose CPU counts. */
  pids(): number[];
}

async function main(): Promise<number> {
  if (values.help) {
    console.log(
      'node bench/relay/bench.ts [--streams N] [--events N] [--rate N] [--rounds N] [--nginx PATH]',
    );
    return 0;
  }
  const streams = Number(values.streams);
  const events = Number(values.events);
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-bench-'));
  const children: ChildProcess[] = [];
  try {
    const upstream = start(children, process.execPath, [
      join(root, 'bench/relay/upstream.ts'),
      '0',
      values.events,
      values.rate,
    ]);
    const upstreamPort = Number(await firstLine(upstream, /^(\d+)/));
    const proxies = [
      await startNginx(children, folder, upstreamPort),
      await startTailrace(children, folder, upstreamPort),
    ];

    const cpuUs = new Map<string, number[]>();
    // A whole round that does not count: the figure is that of a warm server, compilation done.
    for (const proxy of proxies) await measure(proxy, streams);
    for (let round = 0; round < Number(values.rounds); round += 1) {
      for (const proxy of proxies) {
        const us = await measure(proxy, streams);
        cpuUs.set(proxy.name, [...(cpuUs.get(proxy.name) ?? []), us]);
        console.log(`round ${round + 1}  ${proxy.name.padEnd(9)} ${us.toFixed(1)} µs of CPU an event`);
      }
    }
    const [nginx = Number.NaN, tailrace = Number.NaN] = proxies.map(({ name }) =>
      median(cpuUs.get(name) ?? []),
    );
    console.log(
      `\nmedian     nginx ${nginx.toFixed(1)} µs, tailrace ${tailrace.toFixed(1)} µs: ratio ${(tailrace / nginx).toFixed(2)}`,
    );
    return 0;
  } finally {
    for (const child of children) child.kill('SIGTERM');
    rmSync(folder, { recursive: true, force: true });
  }

  async function measure(proxy: Proxy, count: number): Promise<number> {
    const before = cpuTicks(proxy.pids());
    const target = { port: proxy.port, path: proxy.path, key: 'bench-key', model: 'bench' };
    const { events: seen, whole } = await readStreams(target, count, events);
    // A benchmark of broken streams would be a fast one.
    if (whole !== count) throw new Error(`${proxy.name}: only ${whole} of ${count} streams arrived whole`);
    const ticks = cpuTicks(proxy.pids()) - before;
    return (ticks / ticksPerSecond / seen) * 1e6;
  }
}

async function startNginx(children: ChildProcess[], folder: string, upstreamPort: number): Promise<Proxy> {
  const port = upstreamPort + 1;
  const config = join(folder, 'nginx.conf');
  writeFileSync(
    config,
    `daemon off; worker_processes 1; pid ${folder}/nginx.pid; error_log stderr error;
events { worker_connections 4096; }
http {
  access_log off; client_body_temp_path ${folder}; proxy_temp_path ${folder}; fastcgi_temp_path ${folder};
  uwsgi_temp_path ${folder}; scgi_temp_path ${folder};
  upstream bench { server 127.0.0.1:${upstreamPort}; keepalive 512; }
  server {
    listen 127.0.0.1:${port};
    location / { proxy_pass http://bench; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; }
  }
}
`,
  );
  const master = start(children, values.nginx, ['-p', folder, '-c', config]);
  await listening(port);
  return {
    name: 'nginx',
    port,
    path: '/v1/chat/completions',
    pids: () => [master.pid ?? 0, ...childrenOf(master.pid ?? 0)],
  };
}

async function startTailrace(children: ChildProcess[], folder: string, upstreamPort: number): Promise<Proxy> {
  const config = join(folder, 'tailrace.yaml');
  writeFileSync(
    config,
    `server: {data_dir: ${folder}/data, max_streams: 100000}
engine: {enabled: false}
upstreams: {bench: {kind: openai, base_url: "http://127.0.0.1:${upstreamPort}/v1", api_key: bench}}
models: {bench: {targets: [{upstream: bench, model: bench}]}}
auth: {api_keys: [bench-key]}
logging: {level: error}
`,
  );
  const cli = join(root, 'packages/server/src/cli/main.ts');
  const server = start(children, process.execPath, [
    '--conditions=tailrace-source',
    cli,
    'serve',
    '--config',
    config,
    '--listen',
    '127.0.0.1:0',
  ]);
  const port = Number(await firstLine(server, /listening on .*:(\d+)/));
  return { name: 'tailrace', port, path: '/v1/chat/completions', pids: () => [server.pid ?? 0] };
}

function start(children: ChildProcess[], command: string, args: string[]): ChildProcess {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  return child;
}

function firstLine(child: ChildProcess, pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stdout?.on('data', (bytes: Buffer) => {
      text += bytes.toString();
      const found = pattern.exec(text)?.[1];
      if (found !== undefined) resolve(found);
    });
    child.once('exit', (code) => reject(new Error(`a process ended with ${code} before it was ready`)));
    child.once('error', reject);
  });
}

async function listening(port: number): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    const reached = await fetch(`http://127.0.0.1:${port}/`, {
      method: 'HEAD',
      signal: AbortSignal.timeout(200),
    }).then(
      () => true,
      (error: unknown) => error instanceof Error && error.name === 'TimeoutError',
    );
    if (reached) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`nothing listens on ${port}`);
}

/** User and system time of these processes, in clock ticks. */
function cpuTicks(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    return sum + Number(fields[11]) + Number(fields[12]);
  }, 0);
}

function childrenOf(pid: number): number[] {
  const list = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return list === '' ? [] : list.split(' ').map(Number);
}

function median(figures: readonly number[]): number {
  return figures.toSorted((a, b) => a - b)[Math.floor(figures.length / 2)] ?? Number.NaN;
}

process.exit(await main());
