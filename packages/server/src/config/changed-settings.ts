import type { Config } from './config.ts';
import { configJson } from './config-json.ts';
import { type ConfigPath, formatPath } from './config-problem.ts';

/** One setting in which two configurations differ. It has no values: they may be secrets. */
export interface ChangedSetting {
  /** `models.acme/chat.targets[0].weight`; of an added or removed entry, the path of the entry. */
  readonly path: string;
  readonly change: 'added' | 'removed' | 'changed';
}

/** More are counted in the last entry. */
const most = 100;

/** The settings in which two configurations differ, in the order of the file. */
export function changedSettings(before: Config, after: Config): readonly ChangedSetting[] {
  const found: ChangedSetting[] = [];
  compare(plainJson(before), plainJson(after), [], found);
  if (found.length <= most) return found;
  return [...found.slice(0, most), { path: `${found.length - most} more settings`, change: 'changed' }];
}

function compare(before: unknown, after: unknown, path: ConfigPath, found: ChangedSetting[]): void {
  if (isMapping(before) && isMapping(after)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)]))
      compare(before[key], after[key], [...path, key], found);
  } else if (Array.isArray(before) && Array.isArray(after) && [...before, ...after].some(isMapping)) {
    for (let at = 0; at < Math.max(before.length, after.length); at += 1)
      compare(before[at], after[at], [...path, at], found);
  } else if (JSON.stringify(before) !== JSON.stringify(after)) {
    const change = before === undefined ? 'added' : after === undefined ? 'removed' : 'changed';
    found.push({ path: formatPath(path), change });
  }
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Without what is undefined. */
function plainJson(config: Config): unknown {
  return JSON.parse(JSON.stringify(configJson(config, { secret: same, url: same, address: same })));
}

function same(text: string): string {
  return text;
}
