import { configDefaults, defineConfig } from 'vitest/config';

// Whole suites (packages/server/src/testing/suite-part.ts) take their time.
const times = process.env['TAILRACE_TEST_WHOLE'] === undefined ? 1 : 60;

// Three projects: `unit` lies beside the code and is part of `npm run check`. It needs nothing but the code: its tests of
// PostgreSQL and Redis are skipped without the variables of these (packages/server/src/testing/services.ts).
// `system` starts the real server, model and clients, one file at a time, because two cores are all there is.
// `services` starts several processes that outlive one of them, or foreign programs and browsers: it mostly waits, so two files run at a
// time.
const ofServices = ['clients', 'ledger', 'machines', 'page', 'python', 'replicas', 'resume', 'workers'].map(
  (folder) => `test/${folder}/**/*.test.ts`,
);

export default defineConfig({
  resolve: { conditions: ['tailrace-source'] },
  ssr: { resolve: { conditions: ['tailrace-source'] } },
  test: {
    projects: [
      {
        extends: true,
        // Two workers: by itself Vitest leaves one core of two alone.
        test: {
          name: 'unit',
          include: [
            'packages/*/src/**/*.test.ts',
            'launch/*.test.ts',
            'tools/**/*.test.ts',
            'bench/**/*.test.ts',
          ],
          testTimeout: 10_000 * times,
          // Files share their process: to load the rooms anew for each of them takes a third of the time of all.
          isolate: false,
          maxWorkers: 2,
        },
      },
      {
        extends: true,
        test: {
          name: 'system',
          include: ['test/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...ofServices],
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
          name: 'services',
          include: ofServices,
          testTimeout: 120_000 * times,
          hookTimeout: 180_000,
          maxWorkers: 2,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
