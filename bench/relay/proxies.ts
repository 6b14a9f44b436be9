import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A proxy in front of the bench's upstream. */
export interface RelayUnderTest {
  readonly name: string;
  readonly port: number;
  readonly path: string;
  /** The processes whose CPU and memory count. */
  pids(): number[];
}

/** Protocols of the bench's upstream, by the names that a configuration has for them. */
export type Kind = 'openai' | 'anthropic' | 'gemini';

/** Every process and file of one run; the caller closes it. */
export class Bench {
  private readonly children: ChildProcess[] = [];
  private readonly folder = mkdtempSync(join(tmpdir(), 'tailrace-bench-'));

  close(): void {
    // Not SIGTERM: a server would wait for streams that are open on purpose.
    for (const child of this.children) child.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** See `upstream.ts`. Returns its port. */
  async startUpstream(events: number, perSecond: number, atOnce = 0, kind: Kind = 'openai'): Promise<number> {
    const script = join(ownRoot, 'bench/relay/upstream.ts');
    const args = [events, perSecond, atOnce, kind].map(String);
    const upstream = this.start(process.execPath, [script, '0', ...args]);
    return Number(await firstLine(upstream, /^(\d+)/));
  }

  async startNginx(command: string, upstreamPort: number): Promise<RelayUnderTest> {
    const { folder } = this;
    const port = await freePort();
    const config = join(folder, 'nginx.conf');
    writeFileSync(
      config,
      `daemon off; worker_processes 1; worker_rlimit_nofile 40000; pid ${folder}/nginx.pid; error_log stderr error;
events { worker_connections 16384; }
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
    const master = this.start(command, ['-p', folder, '-c', config]);
    await listening(port);
    return {
      name: 'nginx',
      port,
      path: '/v1/chat/completions',
      pids: () => [master.pid ?? 0, ...childrenOf(master.pid ?? 0)],
    };
  }

  /** From the sources in `root`: this checkout, unless another one is named. */
  async startTailrace(
    upstreamPort: number,
    name = 'tailrace',
    root = ownRoot,
    kind: Kind = 'openai',
  ): Promise<RelayUnderTest> {
    const config = join(this.folder, `${name}.yaml`);
    writeFileSync(
      config,
      `server: {data_dir: ${this.folder}/${name}, max_streams: 100000}
engine: {enabled: false}
upstreams: {bench: {kind: ${kind}, base_url: "http://127.0.0.1:${upstreamPort}/v1", api_key: bench}}
models: {bench: {targets: [{upstream: bench, model: bench}]}}
auth: {api_keys: [bench-key]}
logging: {level: error}
`,
    );
    const cli = join(root, 'packages/server/src/cli/main.ts');
    const flags = ['serve', '--config', config, '--listen', '127.0.0.1:0'];
    const server = this.start(process.execPath, ['--conditions=tailrace-source', cli, ...flags]);
    const port = Number(await firstLine(server, /listening on .*:(\d+)/));
    return { name, port, path: '/v1/chat/completions', pids: () => [server.pid ?? 0] };
  }

  private start(command: string, args: string[]): ChildProcess {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.children.push(child);
    return child;
  }
}

const ownRoot = new URL('../../', import.meta.url).pathname;

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

/** A port on which nothing listens now: nginx cannot choose one itself. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const bound = server.address();
      server.close(() => resolve(typeof bound === 'object' ? (bound?.port ?? 0) : 0));
    });
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
export function cpuTicks(pids: readonly number[]): number {
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

/** Resident memory of these processes, in kB. */
export function residentKb(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const [, kb = '0'] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return sum + Number(kb);
  }, 0);
}

export function median(figures: readonly number[]): number {
  return figures.toSorted((a, b) => a - b)[Math.floor(figures.length / 2)] ?? Number.NaN;
}
