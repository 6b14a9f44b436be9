import { type Ran, runNode } from './run.ts';
import { type Counts, runVitest } from './vitest.ts';

interface Outcome extends Counts {
  readonly output: string;
  readonly seconds: number;
}

interface Check {
  readonly name: string;
  readonly run: () => Promise<Outcome>;
}

/** The addresses of services that unit tests may use; without them, those that need them are skipped. */
type Env = Readonly<Record<string, string>>;

const unitTests = (env: Env): Check => ({
  name: 'unit tests',
  async run() {
    const { ran, ...counts } = await runVitest(['--project', 'unit'], { show: false, env });
    return { ...counts, output: ran.output, seconds: ran.seconds };
  },
});

const otherChecks: readonly Check[] = [
  // It keeps what it has found out: the next run reads only what has changed.
  tool('types', 'node_modules/typescript/bin/tsc', [
    '-p',
    'tsconfig.json',
    '--incremental',
    '--tsBuildInfoFile',
    '.tools/types.tsbuildinfo',
  ]),
  tool('types of the page', 'node_modules/typescript/bin/tsc', ['-p', 'packages/playground']),
  tool('types of the docs', 'node_modules/typescript/bin/tsc', ['-p', 'packages/docs']),
  tool('types of the hooks', 'node_modules/typescript/bin/tsc', [
    '-p',
    'packages/client/tsconfig.react.json',
  ]),
  tool('types of the launcher', 'node_modules/typescript/bin/tsc', ['-p', 'launch']),
  tool('dead files and dependencies', 'node_modules/knip/bin/knip.js', [
    '--no-progress',
    '--no-config-hints',
  ]),
  tool('built files that only tests use', 'node_modules/knip/bin/knip.js', [
    '--production',
    '--include',
    'files',
    '--no-progress',
    '--no-config-hints',
  ]),
  tool('boundaries between rooms', 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs', [
    '--config',
    '.dependency-cruiser.cjs',
    'packages',
    'tools',
    'launch',
  ]),
  tool('format and lint', 'node_modules/@biomejs/biome/bin/biome', ['check', '.']),
  tool('lock file', 'tools/complete-lock.ts', ['--check']),
];

/** Runs every check, two at a time, and prints the result of each; the output of a failed one is shown whole. */
export async function runChecks(say: (text: string) => void, env: Env = {}): Promise<Counts> {
  // The longest first: the others run beside it on two cores.
  const waiting = [unitTests(env), ...otherChecks];
  const total = { passed: 0, failed: 0, skipped: 0 };
  const failures: string[] = [];
  async function worker(): Promise<void> {
    for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
      const outcome = await check.run();
      total.passed += outcome.passed;
      total.failed += outcome.failed;
      total.skipped += outcome.skipped;
      failures.push(...outcome.failures.map((failure) => `${check.name}: ${failure}`));
      const good = outcome.failed === 0;
      const skipped = outcome.skipped > 0 ? `, ${outcome.skipped} skipped` : '';
      const what =
        outcome.passed + outcome.failed > 1
          ? ` (${outcome.passed} passed, ${outcome.failed} failed${skipped})`
          : '';
      say(`${good ? '✓' : '✗'} ${check.name}${what}  ${outcome.seconds.toFixed(1)} s\n`);
      if (!good) say(`${outcome.output.trimEnd()}\n\n`);
    }
  }
  await Promise.all([worker(), worker()]);
  return { ...total, failures };
}

function tool(name: string, script: string, args: readonly string[]): Check {
  return { name, run: () => asOutcome(runNode(script, args)) };
}

async function asOutcome(ran: Promise<Ran>): Promise<Outcome> {
  const { code, output, seconds } = await ran;
  const good = code === 0;
  const failures = good ? [] : [`exit ${code}`];
  return { passed: good ? 1 : 0, failed: good ? 0 : 1, skipped: 0, failures, output, seconds };
}
