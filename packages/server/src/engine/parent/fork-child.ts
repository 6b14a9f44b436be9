import { fork } from 'node:child_process';
import { childEnvironment } from './environment.ts';
import type { Child } from './supervisor.ts';

/**
 * Starts the engine's process, from the sources or from the build, like this file. Of this process's flags it gets only
 * the import conditions: two processes cannot have the same debugger port.
 */
export function forkChild(environment: Readonly<Record<string, string | undefined>>): Child {
  const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
  const conditions = importConditions(process.execArgv);
  if (extension === '.ts') conditions.add('tailrace-source');
  return fork(new URL(`../child/main${extension}`, import.meta.url), [], {
    // V8 lets the space for young objects grow by 27 MB at once, which this process does not need.
    execArgv: ['--max-semi-space-size=8', ...[...conditions].map((condition) => `--conditions=${condition}`)],
    env: childEnvironment(environment),
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
}

/** Reads `--conditions=x`, `--conditions x` and `-C x`. */
function importConditions(flags: readonly string[]): Set<string> {
  const conditions = new Set<string>();
  for (const [index, flag] of flags.entries()) {
    const [, joined] = /^--conditions=(.+)$/.exec(flag) ?? [];
    const apart = flag === '--conditions' || flag === '-C' ? flags[index + 1] : undefined;
    const condition = joined ?? apart;
    if (condition !== undefined) conditions.add(condition);
  }
  return conditions;
}
