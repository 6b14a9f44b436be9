import type { ConfigPath } from './config-problem.ts';
import type { ProblemList } from './problem-list.ts';

/** What every part of the resolving shares. */
export interface ResolveContext {
  readonly problems: ProblemList;
  /** Things the operator should know that stop nothing. */
  readonly warnings: string[];
  /** Makes a path absolute: from the file's folder, or from the working directory where a flag gave it. */
  absolute(path: ConfigPath, text: string): string;
  /** The same, and asks that a file be there before the configuration counts as valid. */
  file(path: ConfigPath, text: string): string;
  /**
   * Names written under `upstreams`, `models` or `engine.models`, those of refused entries included:
   * who names a broken entry has made no second mistake.
   */
  written(...path: ConfigPath): ReadonlySet<string>;
}
