import { oneAttempt } from '../support/lab.ts';
import { type ConfigTree, startServer, type TestServer } from '../support/server.ts';

/** Servers that share a journal: a client may come back to any of them. */
export interface Setting {
  readonly name: string;
  readonly replicas: number;
  /** Variables of the environment that join the replicas: the URLs of their stores. */
  readonly env: Readonly<Record<string, string>>;
}

/** All settings that there are. What is not built yet is not in this list. */
export const settings: readonly Setting[] = [{ name: 'in memory, one server', replicas: 1, env: {} }];

export interface SettingOptions {
  readonly upstreams: ConfigTree;
  readonly models: ConfigTree;
  readonly files?: Readonly<Record<string, ConfigTree>>;
  readonly config?: ConfigTree;
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts the servers of a setting; the caller stops each. */
export function startSetting({ replicas, env }: Setting, options: SettingOptions): Promise<TestServer[]> {
  const { upstreams, models, config, files } = options;
  const one = () =>
    startServer({
      model: 'none',
      files: files ?? {},
      config: { ...oneAttempt, upstreams, models, ...config },
      env: { ...env, ...options.env },
    });
  return Promise.all(Array.from({ length: replicas }, one));
}
