import {
  type AtEnd,
  postgresFor,
  redisFor,
  withoutPostgres,
  withoutRedis,
} from '../../packages/server/src/testing/services.ts';
import { oneAttempt } from '../support/lab.ts';
import { type ConfigTree, startServer, type TestServer } from '../support/server.ts';

/** Servers that share a journal: a client may come back to any of them. */
export interface Setting {
  readonly name: string;
  readonly replicas: number;
  /** Why it cannot be had here; undefined where it can. */
  readonly without: string | undefined;
  /** Variables of the environment that join the replicas: the addresses of their stores. */
  stores(atEnd: AtEnd): Promise<Readonly<Record<string, string>>>;
  /** Beside the configuration of the suite. */
  readonly config?: ConfigTree;
}

export const settings: readonly Setting[] = [
  { name: 'in memory, one server', replicas: 1, without: undefined, stores: async () => ({}) },
  {
    name: 'in the parent of three workers',
    replicas: 1,
    without: undefined,
    stores: async () => ({}),
    config: { server: { workers: 3 } },
  },
  {
    name: 'in Redis, three replicas',
    replicas: 3,
    without: withoutPostgres ?? withoutRedis,
    stores: async (atEnd) => ({
      TAILRACE_DATABASE_URL: await postgresFor(atEnd),
      TAILRACE_REDIS_URL: await redisFor(atEnd),
    }),
  },
];

export interface SettingOptions {
  readonly upstreams: ConfigTree;
  readonly models: ConfigTree;
  readonly files?: Readonly<Record<string, ConfigTree>>;
  readonly config?: ConfigTree;
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts the servers of a setting, which `atEnd` stops. */
export async function startSetting(
  { replicas, stores, config: own }: Setting,
  { upstreams, models, config, files, env }: SettingOptions,
  atEnd: AtEnd,
): Promise<readonly TestServer[]> {
  const joined = await stores(atEnd);
  const one = async (): Promise<TestServer> => {
    const server = await startServer({
      model: 'none',
      files: files ?? {},
      config: { ...oneAttempt, upstreams, models, ...config, ...own },
      env: { ...joined, ...env },
    });
    atEnd(() => server.stop());
    return server;
  };
  return await Promise.all(Array.from({ length: replicas }, one));
}
