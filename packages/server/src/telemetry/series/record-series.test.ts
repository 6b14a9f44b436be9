import { expect, test } from 'vitest';
import { createInstruments } from '../instruments.ts';
import { recordSeries } from './record-series.ts';
import type { SeriesSource } from './series-steps.ts';

const start = 1_764_000_003_000;

/** A recorder over a clock that the test moves. */
function recorded() {
  const instruments = createInstruments();
  let nowMs = start;
  let timer: { readonly dueMs: number; fire(): void } | undefined;
  const recorder = recordSeries({
    sources: async (): Promise<readonly SeriesSource[]> => [{ id: 'own', reading: instruments.read() }],
    clock: () => nowMs,
    after(ms, fire) {
      timer = { dueMs: nowMs + ms, fire };
      return () => {
        timer = undefined;
      };
    },
  });
  return {
    instruments,
    recorder,
    dueMs: () => timer?.dueMs,
    async fireAt(ms: number) {
      nowMs = ms;
      timer?.fire();
      await new Promise((resolve) => setImmediate(resolve));
    },
    points: () => {
      const { times, series } = recorder.read({ names: ['requests_started'], since: 0 });
      return [...times].map((time, index) => [time * 1_000 - start, series[0]?.values[index]]);
    },
  };
}

test('steps end at the tens of seconds of the clock, also where a timer fires early or late', async () => {
  const { instruments, dueMs, fireAt, points } = recorded();
  expect(dueMs()).toBe(start + 7_000);
  instruments.requestsStarted.add(1);
  await fireAt(start + 6_999.5);
  // The step that has just been recorded is not recorded again.
  expect(dueMs()).toBe(start + 17_000);
  instruments.requestsStarted.add(2);
  await fireAt(start + 18_400);
  expect(dueMs()).toBe(start + 27_000);
  expect(points()).toEqual([
    [7_000, 1],
    [17_000, 2],
  ]);
});

test('after the stop nothing is recorded', async () => {
  const { recorder, dueMs, fireAt } = recorded();
  recorder.stop();
  expect(dueMs()).toBeUndefined();
  await fireAt(start + 7_000);
  expect(recorder.read({ since: 0 }).series).toEqual([]);
});
