import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type BenchProcesses, firstLine, root } from './bench-processes.ts';
import type { Gateway } from './gateway.ts';
import type { LoadTarget } from './load/load-job.ts';
import { withDescendants } from './process-figures.ts';
import type { Kind } from './upstream/dialects.ts';

/** A proxy in front of the bench's upstream. */
export interface RelayProxy {
  readonly name: string;
  readonly target: LoadTarget;
  /** The processes whose CPU and memory count; empty where they are unknown. */
  pids(): number[];
  stop(): void;
}

const host = '127.0.0.1';
const key = 'bench-key';
const path = '/v1/chat/completions';

/** One worker, no access log, nothing buffered, connections to the upstream kept. `streams`: at a time, at most. */
export async function startNginx(
  processes: BenchProcesses,
  command: string,
  upstreamPort: number,
  streams: number,
): Promise<RelayProxy> {
  const { folder } = processes;
  const port = await freePort();
  const config = join(folder, 'nginx.conf');
  // Two connections a stream; nginx allocates for all of them when it starts, so no more than needed.
  const connections = Math.max(4_096, 3 * streams);
  writeFileSync(
    config,
    `daemon off; worker_processes 1; worker_rlimit_nofile ${connections + 1_000}; pid ${folder}/nginx.pid; error_log stderr error;
events { worker_connections ${connections}; }
http {
  access_log off; client_body_temp_path ${folder}; proxy_temp_path ${folder}; fastcgi_temp_path ${folder};
  uwsgi_temp_path ${folder}; scgi_temp_path ${folder}; keepalive_requests 1000000; proxy_read_timeout 1h;
  upstream bench { server ${host}:${upstreamPort}; keepalive 512; keepalive_requests 1000000; }
  server {
    listen ${host}:${port} backlog=4096;
    location / { proxy_pass http://bench; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; }
  }
}
`,
  );
  const master = processes.start(command, ['-p', folder, '-c', config]);
  await listening(port);
  return {
    name: 'nginx',
    target: { host, port, path, key, model: 'bench' },
    pids: () => withDescendants([master.pid ?? 0]),
    stop: () => processes.stop(master),
  };
}

export interface TailraceOptions {
  readonly name: string;
  /** The checkout whose sources run. */
  readonly checkout?: string | undefined;
  readonly kind: Kind;
  readonly env?: Readonly<Record<string, string>>;
  /** Its clients ask for resumable streams. */
  readonly resumable?: boolean;
  readonly redis?: string | undefined;
  /** PostgreSQL; default: SQLite. */
  readonly database?: string;
  /** Its key has limits, which nothing reaches. */
  readonly limited?: boolean;
}

/**
 * As its user starts it, through the launcher and with the launcher's settings; only the engine is off. Its log, one
 * line a request, goes to a file.
 */
export async function startTailrace(
  processes: BenchProcesses,
  upstreamPort: number,
  {
    name,
    checkout = root,
    kind,
    env = {},
    resumable = false,
    redis,
    database,
    limited = false,
  }: TailraceOptions,
): Promise<RelayProxy> {
  const { folder } = processes;
  const config = join(folder, `${name}.yaml`);
  writeFileSync(
    config,
    `server: {data_dir: ${folder}/${name}, max_streams: 100000}
engine: {enabled: false}
upstreams: {bench: {kind: ${kind}, base_url: "http://${host}:${upstreamPort}/v1", api_key: bench}}
models: {bench: {targets: [{upstream: bench, model: bench}]}}
auth: {api_keys: [${key}]}
storage: ${JSON.stringify({ redis_url: redis, database_url: database })}
limits: ${limited ? '{requests_per_minute: 1000000, tokens_per_minute: 1000000000, max_streams: 100000}' : '{}'}
`,
  );
  const launcher = join(checkout, 'launch');
  const server = processes.start(
    process.execPath,
    [launcher, 'serve', '--config', config, '--listen', `${host}:0`],
    // Outside npm the launcher becomes the server. Under npm it stays as its parent, whose memory would count.
    { log: name, env: { npm_lifecycle_event: undefined, ...env } },
  );
  const port = Number(await firstLine(server, /listening on .*:(\d+)/));
  return {
    name,
    target: {
      ...{ host, port, path, key, model: 'bench' },
      ...(resumable ? { headers: 'Tailrace-Resumable: true\r\n' } : {}),
    },
    pids: () => withDescendants([server.pid ?? 0]),
    stop: () => processes.stop(server),
  };
}

/** One that runs already: its configuration names the bench's upstream (README.md). */
export function runningGateway({ name, target, pids }: Gateway): RelayProxy {
  return { name, target, pids: () => withDescendants(pids), stop: () => {} };
}

/** A port on which nothing listens now: nginx cannot choose one itself. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, host, () => {
      const bound = server.address();
      server.close(() => resolve(typeof bound === 'object' ? (bound?.port ?? 0) : 0));
    });
  });
}

async function listening(port: number): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    const reached = await fetch(`http://${host}:${port}/`, {
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
