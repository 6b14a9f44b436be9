import { fork } from 'node:child_process';
import { childEnvironment } from './environment.ts';
import type { Child } from './supervisor.ts';

/**
 * Starts the engine's process from where this file lies: the sources, or what was built of them. Of the flags
 * this process was started with it gets the import conditions alone: a debugger's port can't be had twice.
 */
export function forkChild(environment: Readonly<Record<string, string | undefined>>): Child {
  const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
  const conditions = importConditions(process.execArgv);
  if (extension === '.ts') conditions.add('tailrace-source');
  return fork(new URL(`../child/main${extension}`, import.meta.url), [], {
    // V8 lets the space for young objects grow some time, by 27 MB at once: this process has no use for it.
    execArgv: ['--max-semi-space-size=8', ...[...conditions].map((condition) => `--conditions=${condition}`)],
    env: childEnvironment(environment),
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
}

/** `--conditions=x`, `--conditions x`, `-C x`. */
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
