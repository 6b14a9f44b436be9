import { type ConfigPath, formatPath } from './config-problem.ts';
import { isMapping } from './overrides.ts';
import type { Origin } from './problem-list.ts';

/** By the path of a setting, what sets it: `tailrace.yaml:12`, `TAILRACE_LISTEN`, `--workers`. The others have their defaults. */
export type SettingOrigins = Readonly<Record<string, string>>;

/**
 * The origins of everything that file, environment and flags set. An entry of a table that the operator names (an upstream, a model) is one
 * setting, so that a file of thousands of models stays small here, and no header has its name in it.
 */
export function settingOrigins(data: unknown, originOf: (path: ConfigPath) => Origin): SettingOrigins {
  const origins: Record<string, string> = {};
  const visit = (value: unknown, path: ConfigPath): void => {
    if (isMapping(value) && !isEntry(path)) {
      for (const [key, inner] of Object.entries(value)) visit(inner, [...path, key]);
      return;
    }
    const { source, line } = originOf(path);
    origins[formatPath(path)] = line === undefined ? source : `${source}:${line}`;
  };
  visit(data, []);
  return origins;
}

function isEntry([section, key, name]: ConfigPath): boolean {
  if (section === 'upstreams' || section === 'models') return key !== undefined;
  return section === 'engine' && key === 'models' && name !== undefined;
}
