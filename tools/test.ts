/*
 * `npm test`: installs what the tests need, runs all checks of `npm run check`, and then the system tests against running
 * servers. `npm test -- FILTER` runs only the tests whose file matches, as vitest understands it.
 * The last line is always `N passed, N failed`; exits 1 where anything failed or nothing ran.
 */
import { runChecks } from './checks.ts';
import { prepare } from './prepare.ts';
import { createReport } from './report.ts';
import { startServices } from './services/start-services.ts';
import { type Counts, runVitest } from './vitest.ts';

const report = createReport((text) => process.stdout.write(text));
const filters = process.argv.slice(2);

const counts = filters.length > 0 ? await runFiltered() : await runAll();
const sum = (of: (count: Counts) => number): number => counts.reduce((total, count) => total + of(count), 0);
const passed = sum((count) => count.passed);
const failed = sum((count) => count.failed);
const skipped = sum((count) => count.skipped);
if (report.missing.length > 0)
  report.say(`\nnot on this machine: ${report.missing.join(', ')}; the tests that need it were skipped\n`);
const failures = counts.flatMap((count) => count.failures);
// Once more at the end: their output lies thousands of lines above.
if (failures.length > 0) report.say(`\nfailed:\n${failures.map((failure) => `  ${failure}\n`).join('')}`);
report.say(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;

async function runFiltered(): Promise<Counts[]> {
  const [services, prepared] = await Promise.all([startServices(report), prepare(report)]);
  try {
    return [await runTests(filters, services.env, prepared.modelFile)];
  } finally {
    await services.stop();
  }
}

async function runAll(): Promise<Counts[]> {
  const starting = startServices(report);
  try {
    // Preparing waits for the network, the checks do not.
    const [checked, { modelFile }] = await Promise.all([
      starting.then(({ env }) => runChecks(report.say, env)),
      prepare(report),
    ]);
    return [
      checked,
      await runTests(
        ['system', 'machines', 'services'].flatMap((project) => ['--project', project]),
        (await starting).env,
        modelFile,
      ),
    ];
  } finally {
    await (await starting).stop();
  }
}

async function runTests(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  modelFile: string | undefined,
): Promise<Counts> {
  return await runVitest(args, {
    show: true,
    env: modelFile === undefined ? env : { ...env, TAILRACE_TEST_MODEL: modelFile },
  });
}
