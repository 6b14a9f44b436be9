import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Ran, type RunOptions, root, runNode } from './run.ts';

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** What failed, a line each: the place, and the first line of why. */
  readonly failures: readonly string[];
}

export interface VitestRun extends Counts {
  readonly ran: Ran;
}

/**
 * Threads and processes that tests start take compiled code from here: a start takes a fifth less. Else each strips the types of what it
 * loads, with a WebAssembly module at which Node 24 now and then crashes where several threads do that at once.
 */
const compiled = { NODE_COMPILE_CACHE: path.join(root, '.tools', 'compiled-tests') };

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
      { ...options, env: { ...compiled, ...options.env } },
    );
    const counts = countsOf(await readFile(report, 'utf8').catch(() => ''));
    if (ran.code === 0 || counts.failed > 0) return { ...counts, ran };
    // Vitest also fails without a failed test (an unhandled rejection, a missing file): that counts as one failure.
    return { ...counts, failed: 1, failures: [`vitest: exit ${ran.code} without a failed test`], ran };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The parts of Vitest's report that are read here. A file that could not be loaded has no tests, and a message. */
interface TestReport {
  readonly numPassedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

function countsOf(report: string): Counts {
  if (report === '') return { passed: 0, failed: 0, skipped: 0, failures: [] };
  const { numPassedTests, numPendingTests, numTodoTests, testResults }: TestReport = JSON.parse(report);
  const failures = testResults.flatMap(({ name, status, message, assertionResults }) => {
    const file = path.relative(root, name);
    const unloaded = status === 'failed' && assertionResults.length === 0;
    if (unloaded) return [lineOf(file, message)];
    return assertionResults
      .filter((test) => test.status === 'failed')
      .map(({ fullName, failureMessages }) => lineOf(`${file} > ${fullName}`, failureMessages[0] ?? ''));
  });
  return {
    passed: numPassedTests,
    failed: failures.length,
    skipped: numPendingTests + numTodoTests,
    failures,
  };
}

function lineOf(place: string, why: string): string {
  return `${place}: ${why.split('\n', 1)[0]?.slice(0, 300)}`;
}
