import { type AtEnd, postgresFor, redisFor } from '../../packages/server/src/testing/services.ts';
import { type Balancer, startBalancer } from '../support/balancer.ts';
import { oneAttempt } from '../support/lab.ts';
import { createScratch } from '../support/scratch.ts';
import { type ConfigTree, startServer, type TestServer } from '../support/server.ts';
import { type DrippingUpstream, startDrippingUpstream } from './dripping-upstream.ts';

/** Three servers that share a PostgreSQL and a Redis, a balancer before them and an upstream behind them. */
export interface ReplicatedService {
  readonly upstream: DrippingUpstream;
  readonly balancer: Balancer;
  /** The replica of this number, 0 to 2, as it runs now. */
  replica(number: number): TestServer;
  replicas(): readonly TestServer[];
  /** Starts a replica that has ended again, on its data folder; the balancer gives connections to it as soon as it is ready. */
  startAgain(number: number): Promise<TestServer>;
}

export interface ServiceOptions {
  readonly config?: ConfigTree;
  /** Of the replica of this number. */
  env?(number: number): Readonly<Record<string, string>>;
  /** Default: a database of the shared Redis. */
  readonly redisUrl?: string;
  /** Default: a database of the shared PostgreSQL. */
  readonly databaseUrl?: string;
}

/** `atEnd` stops everything, in the order opposite to that of its calls. */
export async function startReplicatedService(
  atEnd: AtEnd,
  { config, env, redisUrl, databaseUrl }: ServiceOptions = {},
): Promise<ReplicatedService> {
  const upstream = await startDrippingUpstream();
  atEnd(() => upstream.close());
  const stores = {
    TAILRACE_DATABASE_URL: databaseUrl ?? (await postgresFor(atEnd)),
    TAILRACE_REDIS_URL: redisUrl ?? (await redisFor(atEnd)),
  };
  const balancer = await startBalancer();
  atEnd(() => balancer.close());
  const folders = [0, 1, 2].map(() => createScratch('replica'));
  const start = (number: number): Promise<TestServer> =>
    startServer({
      model: 'none',
      dataDir: folders[number]?.path ?? '',
      config: {
        ...oneAttempt,
        upstreams: { drip: { kind: 'openai', base_url: upstream.baseUrl, api_key: 'none' } },
        models: { drip: { targets: [{ upstream: 'drip', model: 'm' }] } },
        ...config,
      },
      env: { ...stores, ...env?.(number) },
    });
  const servers = await Promise.all(folders.map((_, number) => start(number)));
  atEnd(async () => {
    try {
      await Promise.all(servers.map((server) => server.stop()));
    } finally {
      for (const folder of folders) folder.remove();
    }
  });
  balancer.setTargets(servers.map(({ port }) => port));
  return {
    upstream,
    balancer,
    replica(number) {
      const server = servers[number];
      if (server === undefined) throw new Error(`there is no replica ${number}`);
      return server;
    },
    replicas: () => servers,
    async startAgain(number) {
      await servers[number]?.stop();
      const server = await start(number);
      servers[number] = server;
      balancer.setTargets(servers.map(({ port }) => port));
      return server;
    },
  };
}
