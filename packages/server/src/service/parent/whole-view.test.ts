import { expect, test } from 'vitest';
import { allRuns, allTargets } from './whole-view.ts';

const run = (id: string, createdAtMs: number) => ({
  ...{ id, createdAtMs, requestId: 'r', keyId: 'k', owner: 'o', model: 'm', stream: true, target: undefined },
  completionTokens: 0,
});
const target = (model: string, breaker: 'closed' | 'open' | 'half-open', inFlight: number) => ({
  ...{ upstream: 'lab', model },
  health: { breaker, inFlight, recentFailures: inFlight, retryInMs: breaker === 'open' ? 5_000 : 0 },
});

test('the runs of all workers stand in the order of their beginning', () => {
  expect(allRuns([[run('b', 2)], [run('a', 1), run('c', 3)]]).map(({ id }) => id)).toEqual(['a', 'b', 'c']);
});

test('targets are added up, and the worst breaker counts', () => {
  const all = allTargets([
    [target('a', 'closed', 1), target('b', 'half-open', 1)],
    [target('b', 'closed', 2)],
    [target('b', 'open', 0)],
  ]);
  expect(all).toEqual([target('a', 'closed', 1), target('b', 'open', 3)]);
});
