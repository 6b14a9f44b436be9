import type { ConfigPath } from './config-problem.ts';
import type { ProblemList } from './problem-list.ts';

/** What all `resolve-*.ts` share. */
export interface ResolveContext {
  readonly problems: ProblemList;
  /** Added to by each part: facts that the operator should know, and that do not prevent a start. */
  readonly warnings: string[];
  /** The absolute path: relative to the folder of the file, or to the working directory where a flag or a variable sets it. */
  absolute(path: ConfigPath, text: string): string;
  /** The same for a path that must be a regular file; where it is not, a problem is reported later. */
  file(path: ConfigPath, text: string): string;
  /**
   * The names under `upstreams`, `models` or `engine.models`, also those of refused entries: a reference to a refused
   * entry is no second mistake.
   */
  written(...path: ConfigPath): ReadonlySet<string>;
}
