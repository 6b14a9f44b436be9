import type { ConfigPath } from './config-problem.ts';
import { type Environment, environmentVariable } from './environment.ts';

/** The flags of `tailrace serve` as texts, not checked yet: `loadConfig` checks them like the values of the file. */
export interface ConfigFlags {
  readonly config?: string;
  readonly listen?: string;
  /** A GGUF file. */
  readonly model?: string;
  readonly dataDir?: string;
  readonly noEngine?: boolean;
  readonly workers?: string;
}

/** A value from the environment or from a flag. It has precedence over the file's. */
export interface Override {
  readonly path: ConfigPath;
  readonly value: unknown;
  /** The variable or the flag, `TAILRACE_LISTEN` or `--listen`, as messages name it. */
  readonly source: string;
}

/**
 * The environment variables that set a key of the configuration, and that key. `TAILRACE_CONFIG` and
 * `TAILRACE_CACHE_DIR` have no key in the file.
 */
const variables: Readonly<Record<string, { readonly path: ConfigPath; readonly list?: true }>> = {
  TAILRACE_LISTEN: { path: ['server', 'listen'] },
  TAILRACE_DATA_DIR: { path: ['server', 'data_dir'] },
  TAILRACE_API_KEY: { path: ['auth', 'api_keys'], list: true },
  TAILRACE_ADMIN_KEY: { path: ['auth', 'admin_keys'], list: true },
  TAILRACE_DATABASE_URL: { path: ['storage', 'database_url'] },
  TAILRACE_REDIS_URL: { path: ['storage', 'redis_url'] },
  TAILRACE_LOG_LEVEL: { path: ['logging', 'level'] },
};

/** First those of the environment, then those of the flags: of two for the same key the later one counts. */
export function overridesFrom(env: Environment, flags: ConfigFlags): readonly Override[] {
  const overrides: Override[] = [];
  for (const [source, { path, list }] of Object.entries(variables)) {
    const value = environmentVariable(env, source);
    if (value !== undefined) overrides.push({ path, value: list ? [value] : value, source });
  }
  const flag = (source: string, path: ConfigPath, value: unknown): void => {
    if (value !== undefined) overrides.push({ path, value, source });
  };
  flag('--listen', ['server', 'listen'], flags.listen);
  flag('--data-dir', ['server', 'data_dir'], flags.dataDir);
  flag('--workers', ['server', 'workers'], flags.workers);
  if (flags.model !== undefined) flag('--model', ['engine', 'enabled'], true);
  if (flags.noEngine) flag('--no-engine', ['engine', 'enabled'], false);
  return overrides;
}

/**
 * A copy of the file's data with the overrides in it. A section of the file that is no mapping stays as it is, for the
 * schema to refuse.
 */
export function applyOverrides(file: unknown, overrides: readonly Override[]): unknown {
  if (!isMapping(file)) return file;
  const merged: Record<string, unknown> = { ...file };
  for (const { path, value } of overrides) {
    const [section, key] = path;
    const old = Object.hasOwn(merged, String(section)) ? merged[String(section)] : {};
    if (isMapping(old)) merged[String(section)] = { ...old, [String(key)]: value };
  }
  return merged;
}

export function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
