import { expect, it } from 'vitest';
import type { Upstream } from '../upstreams/contract.ts';
import type { Target } from './catalogue.ts';
import { createHealth } from './health.ts';

const target = (upstream: string, model: string): Target => ({
  name: `${upstream}/${model}`,
  upstream: { name: upstream } as Upstream,
  model,
  priority: 0,
  weight: 1,
  takeover: undefined,
});

it('says when an open breaker admits a probe', () => {
  let now = 0;
  const health = createHealth(
    () => ({ failures: 1, windowMs: 30_000, probeEveryMs: 10_000 }),
    () => now,
  );
  const one = target('lab', 'm');
  expect(health.describe(one)).toMatchObject({ breaker: 'closed', retryInMs: 0 });
  health.begin(one).failed();
  now = 4_000;
  expect(health.describe(one)).toMatchObject({ breaker: 'open', recentFailures: 1, retryInMs: 6_000 });
  now = 11_000;
  expect(health.describe(one)).toMatchObject({ breaker: 'open', retryInMs: 0 });
});

it('two targets whose joined names are equal have a breaker each', () => {
  const health = createHealth(
    () => ({ failures: 1, windowMs: 1_000, probeEveryMs: 1_000 }),
    () => 0,
  );
  const sick = target('lab', 'vendor/model');
  const well = target('lab/vendor', 'model');
  expect(sick.name).toBe(well.name);
  health.begin(sick).failed();
  expect(health.admits(sick)).toBe(false);
  expect(health.admits(well)).toBe(true);
  expect(health.inFlight(well)).toBe(0);
});

it('a target keeps its health when a reload creates it again', () => {
  const health = createHealth(
    () => ({ failures: 1, windowMs: 1_000, probeEveryMs: 1_000 }),
    () => 0,
  );
  health.begin(target('lab', 'm')).failed();
  expect(health.admits(target('lab', 'm'))).toBe(false);
});

it('forgets the targets that a reload has removed, except those with an open request', () => {
  const health = createHealth(
    () => ({ failures: 1, windowMs: 1_000, probeEveryMs: 1_000 }),
    () => 0,
  );
  const failed = (model: string) => {
    const visit = health.begin(target('lab', model));
    visit.failed();
    return visit;
  };
  failed('kept').end('failed');
  failed('gone').end('failed');
  const busy = failed('busy');
  const known = () =>
    ['kept', 'gone', 'busy'].filter((model) => health.describe(target('lab', model)).recentFailures > 0);
  health.keep([{ upstream: 'lab', model: 'kept' }]);
  expect(known()).toEqual(['kept', 'busy']);
  busy.end('failed');
  health.keep([{ upstream: 'lab', model: 'kept' }]);
  expect(known()).toEqual(['kept']);
});

it('counts what is asked of a target, by the reason why it is asked', () => {
  const health = createHealth(
    () => ({ failures: 5, windowMs: 1_000, probeEveryMs: 1_000 }),
    () => 0,
  );
  const one = target('lab', 'm');
  const failing = health.begin(one);
  failing.countFailure('upstream_refused');
  failing.end('failed');
  failing.end('failed');
  const [, , hedge] = (['first', 'failover', 'hedge', 'prefix', 'replay'] as const).map((mode) =>
    health.begin(one, mode),
  );
  hedge?.committed(7);
  hedge?.end('served');
  const [known] = health.counts();
  expect(known).toMatchObject({
    upstream: 'lab',
    model: 'm',
    counts: {
      ...{ attempts: 6, failures: 1, failovers: 1, hedges: 1, takeovers: 2 },
      codes: [{ code: 'upstream_refused', count: 1 }],
      ended: [
        { mode: 'first', outcome: 'failed', count: 1 },
        { mode: 'hedge', outcome: 'served', count: 1 },
      ],
    },
  });
  expect(known?.counts.firstOutputMs[7]).toBe(1);
  expect(health.describe(one).recentFailures).toBe(0);
});
