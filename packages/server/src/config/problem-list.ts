import { type ConfigPath, type ConfigProblem, formatPath, type ValueMessage } from './config-problem.ts';
import type { EnvironmentValues } from './environment-values.ts';

/** Where a value comes from, as a message names it. */
export interface Origin {
  readonly source: string;
  readonly line?: number;
  readonly column?: number;
}

export interface ProblemList {
  /**
   * Adds a problem, unless that value, one around it or one inside it already has one: a mistake that follows from
   * another is not listed. What stands under a wrong key is checked all the same. `at`: whether the position of the key or of the value is shown.
   */
  report(path: ConfigPath, message: string | ValueMessage, at?: 'key' | 'value'): void;
  /** Adds a problem that no value of the file has, but a flag or the file as a whole. */
  reportAt(origin: Origin, message: string): void;
  has(path: ConfigPath): boolean;
  /** In the order of the file; flags and environment first. */
  sorted(): readonly ConfigProblem[];
}

/** Problems that are listed at most: a file that is no configuration has one on every line. */
const maxProblems = 100;

/** Messages show no value of `environmentValues`, but the name of its variable. */
export function createProblemList(
  originOf: (path: ConfigPath, at: 'key' | 'value') => Origin,
  environmentValues: Pick<EnvironmentValues, 'describe' | 'withNames'>,
): ProblemList {
  const problems: ConfigProblem[] = [];
  const places: { readonly path: ConfigPath; readonly at: 'key' | 'value' }[] = [];
  let leftOut = 0;
  const add = (problem: () => ConfigProblem): void => {
    if (problems.length < maxProblems) problems.push(problem());
    else leftOut += 1;
  };
  const textOf = (path: ConfigPath, message: string | ValueMessage): string => {
    if (typeof message === 'string') return environmentValues.withNames(message);
    const shown = environmentValues.describe(path);
    return shown === undefined ? environmentValues.withNames(message.inFile) : message.fromEnvironment(shown);
  };
  /** A wrong value takes along what is in it, and what is around it; a wrong key only itself. */
  const has = (path: ConfigPath, at: 'key' | 'value' = 'value') =>
    places.some(
      (known) =>
        (isWithin(known.path, path) && (at === 'value' || isWithin(path, known.path))) ||
        (known.at === 'value' && isWithin(path, known.path)),
    );
  return {
    report(path, message, at = 'value') {
      if (has(path, at)) return;
      if (problems.length < maxProblems) places.push({ path, at });
      add(() => ({ ...originOf(path, at), path: formatPath(path), message: textOf(path, message) }));
    },
    reportAt(origin, message) {
      add(() => ({ ...origin, path: '', message: environmentValues.withNames(message) }));
    },
    has: (path) => has(path),
    sorted() {
      const sorted = problems.toSorted(
        (a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0),
      );
      const [first] = sorted;
      if (first === undefined || leftOut === 0) return sorted;
      return [...sorted, { source: first.source, path: '', message: `${leftOut} more problems` }];
    },
  };
}

function isWithin(inner: ConfigPath, outer: ConfigPath): boolean {
  return outer.length <= inner.length && outer.every((step, index) => step === inner[index]);
}
