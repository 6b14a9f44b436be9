import { fileURLToPath } from 'node:url';
import type { RuleResult } from '@tailrace/conformance';
import { startChild } from '../support/child.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const entry = 'packages/server/src/cli/main.ts';

export interface CheckRun {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `tailrace check` to its end, without the keys of this environment. */
export async function runCheck(...args: readonly string[]): Promise<CheckRun> {
  const { TAILRACE_API_KEY: _own, OPENAI_API_KEY: _openai, ...env } = process.env;
  const child = startChild(process.execPath, ['--conditions=tailrace-source', entry, 'check', ...args], {
    cwd: root,
    env,
  });
  const { code } = await child.exited;
  return { code, stdout: child.stdout(), stderr: child.stderr() };
}

/** Runs it with `--format json`, and gives the results by their ids. */
export async function resultsOf(...args: readonly string[]): Promise<ReadonlyMap<string, RuleResult>> {
  const { stdout, stderr } = await runCheck(...args, '--format', 'json');
  if (stdout === '') throw new Error(stderr);
  const { results } = JSON.parse(stdout) as { readonly results: readonly RuleResult[] };
  return new Map(results.map((result) => [result.id, result]));
}

/** The rules that are broken, of one set or both, with what was seen first. */
export function brokenOf(results: ReadonlyMap<string, RuleResult>, set = ''): readonly string[] {
  return [...results.values()]
    .filter(({ id, verdict }) => id.startsWith(set) && (verdict === 'fail' || verdict === 'warn'))
    .map(({ id, seen }) => `${id}: ${seen[0]?.exchange}: ${seen[0]?.seen}`);
}
