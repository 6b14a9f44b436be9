import { type ConfigPath, type ConfigProblem, formatPath } from './config-problem.ts';

/** Where a value came from, as a message names it. */
export interface Origin {
  readonly source: string;
  readonly line?: number;
  readonly column?: number;
}

export interface ProblemList {
  /**
   * Adds a problem, unless that value, one around it or one inside it already has one: what follows from a
   * mistake is not a second mistake. `at` says whether the key or the value is to blame.
   */
  report(path: ConfigPath, message: string, at?: 'key' | 'value'): void;
  /** Adds one that belongs to no value of the file: a flag, or the file itself. */
  reportAt(origin: Origin, message: string): void;
  has(path: ConfigPath): boolean;
  /** In the order of the file; flags and environment first. */
  sorted(): readonly ConfigProblem[];
}

export function createProblemList(originOf: (path: ConfigPath, at: 'key' | 'value') => Origin): ProblemList {
  const problems: ConfigProblem[] = [];
  const paths: ConfigPath[] = [];
  const has = (path: ConfigPath) => paths.some((known) => isWithin(known, path) || isWithin(path, known));
  return {
    report(path, message, at = 'value') {
      if (has(path)) return;
      paths.push(path);
      problems.push({ ...originOf(path, at), path: formatPath(path), message });
    },
    reportAt(origin, message) {
      problems.push({ ...origin, path: '', message });
    },
    has,
    sorted: () =>
      problems.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0)),
  };
}

function isWithin(inner: ConfigPath, outer: ConfigPath): boolean {
  return outer.length <= inner.length && outer.every((step, index) => step === inner[index]);
}
