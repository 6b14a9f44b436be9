import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Ran, type RunOptions, runNode } from './run.ts';

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export interface VitestRun extends Counts {
  readonly ran: Ran;
}

/** Runs vitest once and counts its tests. A file that could not be loaded counts as one failed test. */
export async function runVitest(
  args: readonly string[],
  options: Pick<RunOptions, 'show' | 'env'>,
): Promise<VitestRun> {
  const folder = await mkdtemp(path.join(tmpdir(), 'tailrace-vitest-'));
  const report = path.join(folder, 'report.json');
  try {
    const ran = await runNode(
      'node_modules/vitest/vitest.mjs',
      ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...args],
      options,
    );
    const counts = countsOf(await readFile(report, 'utf8').catch(() => ''));
    // Vitest also fails without a failed test (an unhandled rejection, a missing file): that counts as one failure.
    const failed = ran.code !== 0 && counts.failed === 0 ? 1 : counts.failed;
    return { ...counts, failed, ran };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function countsOf(report: string): Counts {
  let data: unknown;
  try {
    data = JSON.parse(report);
  } catch {
    return { passed: 0, failed: 0, skipped: 0 };
  }
  const number = (name: string): number => {
    const value: unknown = typeof data === 'object' && data !== null ? Reflect.get(data, name) : undefined;
    return typeof value === 'number' ? value : 0;
  };
  const files: unknown = typeof data === 'object' && data !== null ? Reflect.get(data, 'testResults') : [];
  const unloaded = Array.isArray(files) ? files.filter(failedWithoutTests).length : 0;
  return {
    passed: number('numPassedTests'),
    failed: number('numFailedTests') + unloaded,
    skipped: number('numPendingTests') + number('numTodoTests'),
  };
}

function failedWithoutTests(file: unknown): boolean {
  if (typeof file !== 'object' || file === null) return false;
  const tests: unknown = Reflect.get(file, 'assertionResults');
  return Reflect.get(file, 'status') === 'failed' && Array.isArray(tests) && tests.length === 0;
}
