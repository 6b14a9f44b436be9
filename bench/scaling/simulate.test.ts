import { describe, expect, test } from 'vitest';
import { Agenda } from './agenda.ts';
import { meanWaitForPlaceSeconds, meanWaitSeconds, openAfterBurst, utilisation } from './queueing.ts';
import { diceOf } from './random.ts';
import { simulateEngines } from './simulate-engines.ts';
import { simulateWorkers } from './simulate-workers.ts';

/** Within this share of the figure on paper. The seed is fixed, so this is no matter of luck. */
function expectNear(seen: number, paper: number, share: number): void {
  expect(seen).toBeGreaterThan(paper * (1 - share));
  expect(seen).toBeLessThan(paper * (1 + share));
}

test('the agenda gives things in the order of their times', () => {
  const dice = diceOf(1);
  const agenda = new Agenda<number>();
  const times = Array.from({ length: 500 }, () => Math.floor(dice.uniform() * 100));
  for (const time of times) agenda.add(time, time);
  const taken: number[] = [];
  for (let next = agenda.next(); next !== undefined; next = agenda.next()) taken.push(next.thing);
  expect(taken).toEqual(times.toSorted((a, b) => a - b));
  expect(agenda.size).toBe(0);
});

describe('workers', () => {
  const base = {
    workers: 2,
    streamsPerSecond: 40,
    outputTokens: 100,
    tokensPerSecond: 50,
    cpuUsRequest: 1_000,
    cpuUsEvent: 250,
    warmUpSeconds: 10,
    seconds: 60,
  };
  const works = [
    { perSecond: 40 / 2, seconds: 1_000e-6 },
    { perSecond: (40 * 100) / 2, seconds: 250e-6 },
  ];

  test('open streams, utilisation and waits are those on paper', () => {
    const seen = simulateWorkers({ dice: diceOf(1), ...base });
    expectNear(seen.openMean, 40 * 2, 0.05);
    expectNear(seen.utilisation, utilisation(works), 0.05);
    expectNear(seen.waitMeanSeconds, meanWaitSeconds(works), 0.15);
  });

  test('pauses of the collector make most of the waits', () => {
    const pause = { everySeconds: 1, seconds: 0.02 };
    const seen = simulateWorkers({ dice: diceOf(2), ...base, pause });
    const paper = meanWaitSeconds([...works, { perSecond: 1, seconds: 0.02 }]);
    expectNear(seen.waitMeanSeconds, paper, 0.15);
    expect(paper).toBeGreaterThan(2 * meanWaitSeconds(works));
  });

  test('a burst fills the fleet as far as the formula says', () => {
    const seen = simulateWorkers({ dice: diceOf(3), ...base, burst: { factor: 3, seconds: 2 }, seconds: 2 });
    expectNear(seen.openMax, openAfterBurst(80, 3, 2, 2), 0.12);
  });
});

describe('engines', () => {
  const base = {
    engines: 4,
    placesPerEngine: 8,
    requestsPerSecond: 9,
    answerSeconds: 3,
    requests: 40_000,
  };
  // 27 of 32 places are taken on average.
  const paper = meanWaitForPlaceSeconds(32, 27, 3);

  test('one line for all is what the formula says', () => {
    const seen = simulateEngines({
      dice: diceOf(1),
      ...base,
      engines: 1,
      placesPerEngine: 32,
      balance: 'weight',
    });
    expectNear(seen.waitMeanSeconds, paper, 0.15);
  });

  test('least_busy comes near to one line; drawing by weight waits many times as long', () => {
    const leastBusy = simulateEngines({ dice: diceOf(2), ...base, balance: 'least_busy' });
    const byWeight = simulateEngines({ dice: diceOf(2), ...base, balance: 'weight' });
    expect(leastBusy.waitMeanSeconds).toBeLessThan(2 * paper);
    expect(byWeight.waitMeanSeconds).toBeGreaterThan(4 * leastBusy.waitMeanSeconds);
  });
});
