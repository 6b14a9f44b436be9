import { expect, test } from 'vitest';
import { createInstruments } from '../instruments.ts';
import { createSeriesSteps, type SeriesSource } from './series-steps.ts';

/** A process with its instruments, and a target. */
function process(id: string) {
  const instruments = createInstruments();
  const target = { attempts: 0, breaker: 0, inFlight: 0 };
  const labels = { upstream: 'lab', model: 'm' };
  instruments.watch(() => ({
    figures: [
      { name: 'target_attempts', labels, value: target.attempts },
      { name: 'target_breaker', labels, value: target.breaker },
      { name: 'target_in_flight', labels, value: target.inFlight },
    ],
  }));
  return { instruments, target, source: (): SeriesSource => ({ id, reading: instruments.read() }) };
}

function stepper() {
  const steps = createSeriesSteps();
  return (sources: readonly SeriesSource[]) =>
    Object.fromEntries(
      steps
        .next(sources)
        .map(({ name, labels, value }) => [[name, ...Object.values(labels)].join(' '), value]),
    );
}

test('a step has what was counted since the one before, over all processes', () => {
  const [one, other, next] = [process('a'), process('b'), stepper()];
  one.instruments.requestsStarted.add(3);
  other.instruments.requestsStarted.add(4);
  one.instruments.completionTokens.of('m').add(500);
  expect(next([one.source(), other.source()])).toMatchObject({ requests_started: 7, completion_tokens: 50 });
  other.instruments.requestsStarted.add(1);
  expect(next([one.source(), other.source()])).toMatchObject({ requests_started: 1, completion_tokens: 0 });
});

test('gauges are added up, and of breakers the worst one counts', () => {
  const [one, other, next] = [process('a'), process('b'), stepper()];
  Object.assign(one.target, { breaker: 2, inFlight: 1 });
  Object.assign(other.target, { breaker: 1, inFlight: 2 });
  expect(next([one.source(), other.source()])).toMatchObject({
    'target_breaker lab m': 2,
    'target_in_flight lab m': 3,
  });
});

test('quantiles are those of the values of all processes in the step; a step without values has none', () => {
  const [one, other, next] = [process('a'), process('b'), stepper()];
  for (let i = 0; i < 9; i += 1) one.instruments.gapMs.note(2);
  other.instruments.gapMs.note(14);
  expect(next([one.source(), other.source()])).toMatchObject({
    'gap 0.5': 2,
    'gap 0.9': 2,
    'gap 0.95': 14,
    'gap 0.99': 14,
  });
  expect(next([one.source(), other.source()])).not.toHaveProperty('gap 0.5');
});

test('what a process counts while it does not answer is in its next step, once', () => {
  const [one, next] = [process('a'), stepper()];
  one.instruments.requestsStarted.add(1);
  next([one.source()]);
  one.instruments.requestsStarted.add(2);
  expect(next([{ id: 'a', reading: undefined }])).toEqual({});
  expect(next([one.source()])).toMatchObject({ requests_started: 2 });
});

test('the successor of a process that has died counts from 0, and so does a target that was forgotten', () => {
  const [one, successor, next] = [process('a'), process('a2'), stepper()];
  one.instruments.requestsStarted.add(9);
  one.target.attempts = 9;
  next([one.source()]);
  one.target.attempts = 2;
  expect(next([one.source()])).toMatchObject({ 'target_attempts lab m': 2 });
  successor.instruments.requestsStarted.add(1);
  expect(next([successor.source()])).toMatchObject({ requests_started: 1 });
});
