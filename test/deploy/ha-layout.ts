import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type AtEnd, postgresFor, redisFor } from '../../packages/server/src/testing/services.ts';
import { type DrippingUpstream, startDrippingUpstream } from '../replicas/dripping-upstream.ts';
import { type Child, type Exit, startChild } from '../support/child.ts';
import { freePort } from '../support/free-port.ts';
import { createScratch } from '../support/scratch.ts';
import { until } from '../support/until.ts';
import { type ComposeService, millisecondsOf, mounted, readComposeFile } from './compose-file.ts';

const root = path.join(import.meta.dirname, '../..');
const names = ['replica-1', 'replica-2', 'replica-3'] as const;
export type ReplicaName = (typeof names)[number];

/**
 * The profile `ha` of deploy/compose.yaml as processes: command lines, environments, tailrace.yaml and nginx.conf are those of deploy/. Only
 * addresses and folders are other ones, because all processes share one machine.
 */
export interface HaLayout {
  readonly names: readonly ReplicaName[];
  readonly upstream: DrippingUpstream;
  readonly apiKey: string;
  /** Of nginx. */
  readonly port: number;
  replica(name: ReplicaName): { readonly baseUrl: string; readonly port: number; readonly adminKey: string };
  /** As `docker compose stop`: SIGTERM, and SIGKILL after the grace period. */
  stop(name: ReplicaName): Promise<Exit>;
  kill(name: ReplicaName): Promise<Exit>;
  /** Starts one that has ended, on its data folder; resolves when it is ready. */
  start(name: ReplicaName): Promise<void>;
  /** The program of a health check, with the environment of the image. */
  healthOf(name: ReplicaName): Promise<Exit>;
  logs(): string;
}

/** `atEnd` stops everything, in the order opposite to that of its calls. */
export async function startHaLayout(atEnd: AtEnd, nginx: string): Promise<HaLayout> {
  const upstream = await startDrippingUpstream();
  atEnd(() => upstream.close());
  const port = await freePort();
  const values = {
    TAILRACE_API_KEY: 'tr_ha_5f1d7c0b9a3e4826',
    TAILRACE_ADMIN_KEY: 'tr_ha_admin_c2b8e6014d7f49a5',
    TAILRACE_PUBLIC_URL: `http://127.0.0.1:${port}`,
    UPSTREAM_BASE_URL: upstream.baseUrl,
    UPSTREAM_API_KEY: 'none',
    UPSTREAM_MODEL: 'm',
    POSTGRES_PASSWORD: 'unused',
  };
  const { services } = readComposeFile(values);
  const stores = {
    TAILRACE_DATABASE_URL: await postgresFor(atEnd),
    TAILRACE_REDIS_URL: await redisFor(atEnd),
  };
  const scratch = createScratch('ha');
  const ports = new Map<string, number>();
  for (const name of names) ports.set(name, await freePort());
  const running = new Map<string, Child>();
  const ended: Child[] = [];
  atEnd(async () => {
    await Promise.all([...running.values()].map((child) => child.end('SIGTERM', 20_000)));
    scratch.remove();
  });

  const service = (name: string): ComposeService => {
    const found = services[name];
    if (found === undefined) throw new Error(`compose.yaml has no ${name}`);
    return found;
  };
  const portOf = (name: string): number => ports.get(name) ?? 0;
  const baseUrlOf = (name: string): string => `http://127.0.0.1:${portOf(name)}`;

  async function start(name: ReplicaName): Promise<void> {
    const { command = [], environment = {} } = service(name);
    const configAt = '/etc/tailrace/tailrace.yaml';
    const args = command.map((one) => (one === configAt ? mounted(service(name), configAt) : one));
    const own = ['--listen', `127.0.0.1:${portOf(name)}`, '--data-dir', path.join(scratch.path, name)];
    const child = startChild(
      process.execPath,
      ['--conditions=tailrace-source', 'packages/server/src/cli/main.ts', ...args, ...own],
      { cwd: root, env: { PATH: process.env['PATH'], ...environment, ...stores } },
    );
    running.set(name, child);
    await until(`${name} to be ready`, 60_000, async () => {
      if (child.exit() !== undefined) throw new Error(`${name} ended at its start:\n${child.stderr()}`);
      const answer = await fetch(`${baseUrlOf(name)}/readyz`).catch(() => undefined);
      return answer?.ok === true ? true : undefined;
    });
  }

  async function end(name: ReplicaName, signal: NodeJS.Signals): Promise<Exit> {
    const child = running.get(name);
    if (child === undefined) throw new Error(`${name} does not run`);
    const exit = await child.end(signal, millisecondsOf(service(name).stop_grace_period));
    running.delete(name);
    ended.push(child);
    return exit;
  }

  /** nginx.conf with the addresses and the folder of this machine. */
  function nginxConfig(): string {
    const text = readFileSync(mounted(service('nginx'), '/etc/nginx/nginx.conf'), 'utf8');
    const placed = text
      // Addresses need no resolver, and nginx resolves names again since 1.27.3 only.
      .replaceAll(/\b(replica-[0-9]):7245 resolve\b/g, (_, name: string) => `127.0.0.1:${portOf(name)}`)
      .replace('listen 8080;', `listen 127.0.0.1:${port};`)
      .replaceAll('/tmp/', `${scratch.path}/`)
      // A pipe of Node.js is a socket, which nginx cannot open by a path.
      .replace('/dev/stdout', path.join(scratch.path, 'access.log'))
      .replace('worker_processes auto;', 'worker_processes 2;');
    return scratch.write('nginx.conf', placed);
  }

  await Promise.all(names.map(start));
  const proxy = startChild(nginx, [
    ...['-p', scratch.path, '-c', nginxConfig(), '-e', 'stderr'],
    ...(service('nginx').command ?? []).slice(1),
  ]);
  atEnd(async () => void (await proxy.end('SIGQUIT', 2_000)));
  await until('nginx to answer', 20_000, async () => {
    if (proxy.exit() !== undefined) throw new Error(`nginx ended at its start:\n${proxy.stderr()}`);
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined);
    return answer?.ok === true ? true : undefined;
  });

  return {
    names,
    upstream,
    apiKey: values.TAILRACE_API_KEY,
    port,
    replica: (name) => ({
      baseUrl: baseUrlOf(name),
      port: portOf(name),
      adminKey: values.TAILRACE_ADMIN_KEY,
    }),
    stop: (name) => end(name, 'SIGTERM'),
    kill: (name) => end(name, 'SIGKILL'),
    start,
    healthOf: (name) =>
      startChild(process.execPath, [path.join(root, 'deploy/healthcheck.mjs')], {
        env: { TAILRACE_LISTEN: `0.0.0.0:${portOf(name)}` },
      }).exited,
    logs: () => [...running.values(), ...ended, proxy].map((child) => child.stderr()).join('\n'),
  };
}
