import { expect, test } from 'vitest';
import { linkedPair } from '../../channels/testing/linked.ts';
import { createFleet, type FleetOptions, type Worker } from './fleet.ts';
import type { WorkerEnd } from './worker-process.ts';

/** A fleet of workers that the test ends; time passes only in its pauses. */
function fleetOf(count: number, more: Partial<Pick<FleetOptions, 'begin' | 'serve'>> = {}) {
  const opened: { readonly worker: Worker; end(reason?: string): void }[] = [];
  const served: Worker[] = [];
  const gone: Worker[] = [];
  const pauses: number[] = [];
  const logged: string[] = [];
  let nowMs = 0;
  const note = (message: string) => void logged.push(message);
  const fleet = createFleet({
    count,
    log: { debug: note, info: note, warn: note, error: note },
    open(number) {
      const ended = Promise.withResolvers<WorkerEnd>();
      const end = (reason = 'SIGKILL') => ended.resolve({ reason, lastLines: ['a last line'] });
      const process = {
        pid: opened.length,
        link: linkedPair()[0],
        give() {},
        ended: ended.promise,
        kill: () => end('killed'),
      };
      const worker = {
        number,
        processId: `proc_${opened.length}`,
        process,
        ask: async () => undefined as never,
      };
      opened.push({ worker, end });
      return worker;
    },
    begin: async () => [],
    serve: async (worker) => void served.push(worker),
    gone: (worker) => void gone.push(worker),
    now: () => nowMs,
    async wait(ms) {
      pauses.push(ms);
      nowMs += ms;
      await turn();
    },
    ...more,
  });
  const pass = (ms: number): void => {
    nowMs += ms;
  };
  return { fleet, opened, served, gone, pauses, logged, pass };
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

test('a worker that ends is followed by one of the same number, which serves', async () => {
  const { fleet, opened, served, gone, logged } = fleetOf(2);
  expect(await fleet.start()).toEqual({ ok: true });
  await fleet.serve();
  opened[1]?.end();
  await expect.poll(() => opened.length).toBe(3);
  await expect.poll(() => served.length).toBe(3);
  expect(opened[2]?.worker.number).toBe(2);
  expect(gone).toEqual([opened[1]?.worker]);
  expect(fleet.workers()).toEqual([opened[0]?.worker, opened[2]?.worker]);
  expect(logged).toEqual(['a worker has ended; another one is started']);
});

test('pauses grow while workers die young, and begin anew with one that has lived', async () => {
  const { fleet, opened, pauses, pass } = fleetOf(1);
  await fleet.start();
  await fleet.serve();
  for (let deaths = 1; deaths <= 6; deaths += 1) {
    opened.at(-1)?.end();
    await expect.poll(() => opened.length).toBe(deaths + 1);
    await turn();
  }
  expect(pauses).toEqual([1_000, 2_000, 4_000, 8_000]);
  pass(10_000);
  opened.at(-1)?.end();
  await expect.poll(() => opened.length).toBe(8);
  expect(pauses).toHaveLength(4);
});

test('a start fails with the problems of a worker, or with the end of one', async () => {
  const wrong = fleetOf(2, { begin: async () => ['a script is missing'] });
  expect(await wrong.fleet.start()).toEqual({ ok: false, exitCode: 2, message: 'a script is missing' });
  const dying = fleetOf(1, { begin: () => new Promise(() => {}) });
  const started = dying.fleet.start();
  dying.opened[0]?.end('exit 1');
  expect(await started).toEqual({
    ok: false,
    exitCode: 1,
    message: "a worker's process ended while it started (exit 1)\na last line",
  });
});

test('a successor that cannot begin is tried again', async () => {
  let problems: readonly string[] = [];
  const { fleet, opened, logged } = fleetOf(1, { begin: async () => problems });
  await fleet.start();
  await fleet.serve();
  problems = ['a script is missing'];
  opened[0]?.end();
  await expect.poll(() => opened.length).toBeGreaterThan(4);
  problems = [];
  await expect.poll(() => fleet.workers().length).toBe(1);
  expect(logged).toContain('a worker cannot start');
});

test('none is started while the fleet is held, nor once it retires', async () => {
  const { fleet, opened } = fleetOf(2);
  await fleet.start();
  await fleet.serve();
  const release = fleet.hold();
  opened[0]?.end();
  for (let n = 0; n < 5; n += 1) await turn();
  expect(opened).toHaveLength(2);
  release();
  await expect.poll(() => opened.length).toBe(3);
  fleet.retire();
  opened[1]?.end();
  for (let n = 0; n < 5; n += 1) await turn();
  expect(opened).toHaveLength(3);
});

test('at its end all workers close, and those that do not end are killed', async () => {
  const { fleet, opened, gone } = fleetOf(2);
  await fleet.start();
  await fleet.serve();
  await fleet.end();
  expect(gone).toEqual(opened.map(({ worker }) => worker));
  expect(fleet.workers()).toEqual([]);
});
