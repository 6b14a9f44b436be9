import { isObject } from '../../api/json.ts';
import { type ConfigLine, configLines, outerPaths } from './config-lines.ts';

/** What `GET /admin/v1/config` says (docs/configuration.md). */
export interface LoadedConfig {
  /** Absent where the server has no file. */
  readonly file: string | undefined;
  readonly lines: readonly ConfigLine[];
  /** Whether it has not its default: it is set itself, or as a part of something that is. */
  isSet(path: string): boolean;
  /** What sets exactly this path: `tailrace.yaml:12`, `TAILRACE_LISTEN`. */
  setBy(path: string): string | undefined;
  /** Whether only a restart changes this path, and all that is inside of it. */
  needsRestart(path: string): boolean;
}

export function readConfig(body: unknown): LoadedConfig {
  const { file, config, set_by: origins, restart } = isObject(body) ? body : {};
  const set = new Map(
    isObject(origins) ? Object.entries(origins).map(([path, origin]) => [path, String(origin)] as const) : [],
  );
  const fixed = new Set(Array.isArray(restart) ? restart.map(String) : []);
  return {
    file: typeof file === 'string' ? file : undefined,
    lines: configLines(config),
    isSet: (path) => outerPaths(path).some((outer) => set.has(outer)),
    setBy: (path) => set.get(path),
    needsRestart: (path) => fixed.has(path),
  };
}

/** A reload that was refused names each problem with its place. */
export interface ReloadProblem {
  readonly source: string | undefined;
  readonly line: number | undefined;
  readonly column: number | undefined;
  readonly path: string | undefined;
  readonly message: string;
}

export function readProblems(body: unknown): readonly ReloadProblem[] {
  const problems = isObject(body) ? body['problems'] : undefined;
  if (!Array.isArray(problems)) return [];
  return problems.filter(isObject).map(({ source, line, column, path, message }) => ({
    source: typeof source === 'string' ? source : undefined,
    line: typeof line === 'number' ? line : undefined,
    column: typeof column === 'number' ? column : undefined,
    path: typeof path === 'string' && path !== '' ? path : undefined,
    message: String(message),
  }));
}

export interface ReloadDone {
  readonly changed: readonly { readonly path: string; readonly change: string }[];
  readonly warnings: readonly string[];
}

export function readDone(body: unknown): ReloadDone {
  const { changed, warnings } = isObject(body) ? body : {};
  return {
    changed: Array.isArray(changed)
      ? changed.filter(isObject).map(({ path, change }) => ({ path: String(path), change: String(change) }))
      : [],
    warnings: Array.isArray(warnings) ? warnings.map(String) : [],
  };
}
