import { existsSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { runOnce, startChild } from './child.ts';
import { createScratch } from './scratch.ts';
import { until } from './until.ts';

const bundled = fileURLToPath(new URL('../../.tools/nginx/usr/sbin/nginx', import.meta.url));

/** The nginx that can be run here, or undefined where there is none. */
export async function findNginx(): Promise<string | undefined> {
  for (const candidate of ['nginx', bundled]) {
    if (candidate.startsWith('/') && !existsSync(candidate)) continue;
    if ((await runOnce(candidate, ['-v'])).code === 0) return candidate;
  }
  return undefined;
}

export interface Nginx {
  readonly origin: string;
  stop(): Promise<void>;
}

export interface NginxOptions {
  readonly binary: string;
  readonly upstreamPort: number;
  /** `default`: nginx's own settings, HTTP/1.0 to its upstream and buffering on. `unbuffered`: with `proxy_buffering off`. */
  readonly buffering: 'default' | 'unbuffered';
}

export async function startNginx(options: NginxOptions): Promise<Nginx> {
  const port = await freePort();
  const scratch = createScratch('nginx');
  // Only what is needed to run without root and in a folder of its own; all settings of the proxy are nginx's
  // defaults, except the one line that a test is about.
  const config = scratch.write(
    'nginx.conf',
    `daemon off;
worker_processes 1;
pid ${scratch.path}/nginx.pid;
error_log stderr warn;
events { worker_connections 256; }
http {
  access_log off;
  client_body_temp_path ${scratch.path}/body;
  proxy_temp_path ${scratch.path}/proxy;
  fastcgi_temp_path ${scratch.path}/fastcgi;
  uwsgi_temp_path ${scratch.path}/uwsgi;
  scgi_temp_path ${scratch.path}/scgi;
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://127.0.0.1:${options.upstreamPort};
      ${options.buffering === 'unbuffered' ? 'proxy_buffering off;' : ''}
    }
  }
}
`,
  );
  const child = startChild(options.binary, ['-p', scratch.path, '-c', config, '-e', 'stderr']);
  await until('nginx to listen', 20_000, async () => {
    if (child.exit() !== undefined) throw new Error(`nginx ended at start:\n${child.stderr()}`);
    return (await accepts(port)) ? true : undefined;
  });
  return {
    origin: `http://127.0.0.1:${port}`,
    async stop() {
      await child.end('SIGTERM', 3000);
      scratch.remove();
    },
  };
}

/** A port that was free a moment ago: nginx cannot choose one itself. */
async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => {
    probe.listen(0, '127.0.0.1', resolve);
  });
  const address = probe.address();
  await new Promise<void>((resolve) => {
    probe.close(() => resolve());
  });
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ port, host: '127.0.0.1' });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
