import { expect, test } from 'vitest';
import type { Reading } from '../contract.ts';
import { countAll } from '../histogram.ts';
import { createInstruments } from '../instruments.ts';
import { createWholeReading } from './whole-reading.ts';

function shown({ figures }: Reading): Readonly<Record<string, number>> {
  return Object.fromEntries(
    figures.map(({ name, labels, value }) => [[name, ...Object.values(labels)].join(' '), value]),
  );
}

function process(name: string) {
  const instruments = createInstruments();
  const target = { upstream: 'lab', model: 'm' };
  let knowsTarget = true;
  instruments.watch(() => ({
    figures: [
      { name: 'streams_live', labels: {}, value: 2 },
      { name: 'streams_limit', labels: {}, value: 50 },
      { name: 'cpu', labels: { process: name }, value: 1_000 },
      ...(knowsTarget
        ? [
            { name: 'target_breaker', labels: target, value: name === 'b' ? 2 : 0 } as const,
            { name: 'target_failures', labels: { ...target, code: 'upstream_cut' }, value: 4 } as const,
          ]
        : []),
    ],
  }));
  return {
    instruments,
    forgetTarget: () => {
      knowsTarget = false;
    },
    source: () => ({ id: name, reading: instruments.read() }),
  };
}

test('counts and numbers of processes are added up; of a bound and of breakers the largest counts', () => {
  const [a, b] = [process('a'), process('b')];
  a.instruments.requestsStarted.add(3);
  b.instruments.requestsStarted.add(4);
  expect(shown(createWholeReading().next([a.source(), b.source()]))).toMatchObject({
    requests_started: 7,
    streams_live: 4,
    streams_limit: 50,
    'target_breaker lab m': 2,
    'cpu a': 1_000,
    'cpu b': 1_000,
  });
});

test('when a process has ended, no count falls: what it has counted stays, and what it was is gone', () => {
  const whole = createWholeReading();
  const [a, b] = [process('a'), process('b')];
  a.instruments.requestsStarted.add(3);
  b.instruments.requestsStarted.add(4);
  b.instruments.gapMs.note(5);
  whole.next([a.source(), b.source()]);
  const successor = process('c');
  successor.instruments.requestsStarted.add(1);
  for (let scrape = 0; scrape < 3; scrape += 1) {
    const reading = whole.next([a.source(), successor.source()]);
    expect(shown(reading)).toMatchObject({
      requests_started: 8,
      streams_live: 4,
      'target_breaker lab m': 0,
      'target_failures lab m upstream_cut': 12,
    });
    expect(shown(reading)).not.toHaveProperty('cpu b');
    const gap = reading.histograms.find(({ name }) => name === 'gap');
    expect(countAll(gap?.counts ?? new Float64Array(0))).toBe(1);
  }
});

test('a process that does not answer now has the counts of its last reading', () => {
  const whole = createWholeReading();
  const a = process('a');
  a.instruments.requestsStarted.add(3);
  whole.next([a.source()]);
  expect(shown(whole.next([{ id: 'a', reading: undefined }]))).toMatchObject({ requests_started: 3 });
});

test('a target that a reload has taken away does not come back with the counts of an ended process', () => {
  const whole = createWholeReading();
  const [a, b] = [process('a'), process('b')];
  whole.next([a.source(), b.source()]);
  a.forgetTarget();
  expect(Object.keys(shown(whole.next([a.source()]))).filter((key) => key.startsWith('target'))).toEqual([]);
});
