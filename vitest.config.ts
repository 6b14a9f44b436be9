import { configDefaults, defineConfig } from 'vitest/config';

// Whole suites (packages/server/src/testing/suite-part.ts) take their time.
const times = process.env['TAILRACE_TEST_WHOLE'] === undefined ? 1 : 60;

// Four projects: `unit` lies beside the code and is part of `npm run check`. It needs nothing but the code: its tests of
// PostgreSQL and Redis are skipped without the variables of these (packages/server/src/testing/services.ts).
// The others start the real server, model, clients and browsers. Most of these tests wait most of the time, for a process to
// start or for a fault to end: three files of `services` run at a time. A file of `system` has the machine to itself, because it uses both
// cores, or watches how long a request waits. Those of `machines` keep the cores busy for minutes, with installations or in virtual time:
// they run beside each other, and not beside tests of what is late.
const alone = [
  'test/engine/sample-cost.test.ts',
  'test/fuzz/**/*.test.ts',
  'test/wire/crowded-reads.test.ts',
  'test/wire/heavy-bodies.test.ts',
  'test/wire/loaded-code.test.ts',
  'test/wire/many-bodies.test.ts',
  'test/wire/overload.test.ts',
];

const machines = ['test/machines/**/*.test.ts', 'test/simulation/**/*.test.ts'];

/** What must happen may take long on a busy machine; vitest gives up after a second. */
const patient = { expect: { poll: { timeout: 20_000 } }, setupFiles: ['test/support/patience.ts'] };

export default defineConfig({
  resolve: { conditions: ['tailrace-source'] },
  ssr: { resolve: { conditions: ['tailrace-source'] } },
  test: {
    projects: [
      {
        extends: true,
        // Three workers: some tests wait for a service that is away. By itself Vitest leaves one core of two alone.
        test: {
          name: 'unit',
          include: [
            'packages/*/src/**/*.test.ts',
            'launch/*.test.ts',
            'tools/**/*.test.ts',
            'bench/**/*.test.ts',
          ],
          // Far more than any of them takes: a busy machine is no failure.
          testTimeout: 60_000 * times,
          hookTimeout: 60_000,
          ...patient,
          // Files share their process: to load the rooms anew for each of them takes a third of the time of all.
          isolate: false,
          maxWorkers: 3,
        },
      },
      {
        extends: true,
        test: {
          name: 'system',
          include: alone,
          ...patient,
          testTimeout: 120_000 * times,
          hookTimeout: 180_000,
          fileParallelism: false,
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'machines',
          include: machines,
          ...patient,
          testTimeout: 120_000 * times,
          hookTimeout: 180_000,
          maxWorkers: 2,
          sequence: { groupOrder: 2 },
        },
      },
      {
        extends: true,
        test: {
          name: 'services',
          include: ['test/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...alone, ...machines],
          ...patient,
          testTimeout: 120_000 * times,
          hookTimeout: 180_000,
          maxWorkers: 3,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
