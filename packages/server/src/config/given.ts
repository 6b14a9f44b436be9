import type { ConfigPath } from './config-problem.ts';
import type { Environment } from './interpolate.ts';

/** What `tailrace serve` was given on the command line, as text; `config/` checks it with the rest. */
export interface ConfigFlags {
  readonly config?: string;
  readonly listen?: string;
  /** A GGUF file. */
  readonly model?: string;
  readonly dataDir?: string;
  readonly noEngine?: boolean;
  readonly workers?: string;
}

/** A value that beats the file's, and who gave it. */
export interface Given {
  readonly path: ConfigPath;
  readonly value: unknown;
  /** `TAILRACE_LISTEN`, `--listen`. */
  readonly source: string;
}

/** Every environment variable of the server's own; `TAILRACE_CONFIG` and `_CACHE_DIR` have no key in the file. */
const variables: Readonly<Record<string, { readonly path: ConfigPath; readonly list?: true }>> = {
  TAILRACE_LISTEN: { path: ['server', 'listen'] },
  TAILRACE_DATA_DIR: { path: ['server', 'data_dir'] },
  TAILRACE_API_KEY: { path: ['auth', 'api_keys'], list: true },
  TAILRACE_ADMIN_KEY: { path: ['auth', 'admin_keys'], list: true },
  TAILRACE_DATABASE_URL: { path: ['storage', 'database_url'] },
  TAILRACE_REDIS_URL: { path: ['storage', 'redis_url'] },
  TAILRACE_LOG_LEVEL: { path: ['logging', 'level'] },
};

/** The variable's value; an empty one counts as not set, because that is how compose files pass nothing on. */
export function variable(env: Environment, name: string): string | undefined {
  const value = Object.hasOwn(env, name) ? env[name] : undefined;
  return value === '' ? undefined : value;
}

/** Environment first, flags after it: the later one wins. */
export function givenBeside(env: Environment, flags: ConfigFlags): readonly Given[] {
  const given: Given[] = [];
  for (const [source, { path, list }] of Object.entries(variables)) {
    const value = variable(env, source);
    if (value !== undefined) given.push({ path, value: list ? [value] : value, source });
  }
  const flag = (source: string, path: ConfigPath, value: unknown): void => {
    if (value !== undefined) given.push({ path, value, source });
  };
  flag('--listen', ['server', 'listen'], flags.listen);
  flag('--data-dir', ['server', 'data_dir'], flags.dataDir);
  flag('--workers', ['server', 'workers'], flags.workers);
  if (flags.model !== undefined) flag('--model', ['engine', 'enabled'], true);
  if (flags.noEngine) flag('--no-engine', ['engine', 'enabled'], false);
  return given;
}

/**
 * The file's data with the given values laid over it; the file's data stays as it was. Where the file has
 * no mapping in the place of a section, it is left so, for the schema to refuse.
 */
export function overlay(file: unknown, given: readonly Given[]): unknown {
  if (!isMapping(file)) return file;
  const merged: Record<string, unknown> = { ...file };
  for (const { path, value } of given) {
    const [section, key] = path;
    const old = Object.hasOwn(merged, String(section)) ? merged[String(section)] : {};
    if (isMapping(old)) merged[String(section)] = { ...old, [String(key)]: value };
  }
  return merged;
}

export function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
