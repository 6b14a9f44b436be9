/*
 * `npm test`: installs what the tests need, runs all checks of `npm run check`, and then the system tests against running
 * servers. `npm test -- FILTER` runs only the tests whose file matches, as vitest understands it.
 * The last line is always `N passed, N failed`; exits 1 where anything failed or nothing ran.
 */
import { runChecks } from './checks.ts';
import { type Prepared, prepare } from './prepare.ts';
import { type Counts, runVitest } from './vitest.ts';

const say = (text: string): void => {
  process.stdout.write(text);
};
const filters = process.argv.slice(2);

const counts: Counts[] = [];
const system = async ({ modelFile }: Prepared, args: readonly string[]): Promise<Counts> =>
  await runVitest(args, {
    show: true,
    env: modelFile === undefined ? {} : { TAILRACE_TEST_MODEL: modelFile },
  });
if (filters.length > 0) {
  counts.push(await system(await prepare(say), filters));
} else {
  // Preparing waits for the network, the checks do not.
  const [checked, prepared] = await Promise.all([runChecks(say), prepare(say)]);
  counts.push(checked, await system(prepared, ['--project', 'system']));
}

const sum = (of: (count: Counts) => number): number => counts.reduce((total, count) => total + of(count), 0);
const passed = sum((count) => count.passed);
const failed = sum((count) => count.failed);
const skipped = sum((count) => count.skipped);
say(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
