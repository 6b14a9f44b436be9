import { expect, test } from 'vitest';
import { admissionResults } from './contract.ts';
import { createInstruments } from './instruments.ts';
import { figuresOf } from './testing/figures-of.ts';

test('a label has a counter from its first use on, and what is watched is read each time', () => {
  const instruments = createInstruments();
  let live = 3;
  instruments.watch(() => ({ figures: [{ name: 'streams_live', labels: {}, value: live }] }));
  instruments.requestErrors.of('m', 'overloaded').add(1);
  instruments.requestErrors.of('m', 'overloaded').add(1);
  expect(figuresOf(instruments)).toMatchObject({ streams_live: 3, 'request_errors m overloaded': 2 });
  live = 1;
  expect(figuresOf(instruments)).toMatchObject({ streams_live: 1 });
});

test('each result of admissions is 0 from the start on, so that an alert sees the first of them', () => {
  const of = figuresOf(createInstruments());
  expect(Object.keys(of).filter((name) => name.startsWith('admissions'))).toEqual(
    admissionResults.map((result) => `admissions ${result}`),
  );
  expect(of['admissions budget']).toBe(0);
});

test('a count never falls: what was too much is taken off from later amounts', () => {
  const instruments = createInstruments();
  const counts = [10, -4, 1, 5, -2, 2].map((amount) => {
    instruments.promptTokens.of('m').add(amount);
    return figuresOf(instruments)['prompt_tokens m'];
  });
  expect(counts).toEqual([10, 10, 10, 12, 12, 12]);
});

test('a reading stays as it was while counting continues', () => {
  const instruments = createInstruments();
  instruments.gapMs.note(5);
  const { histograms } = instruments.read();
  instruments.gapMs.note(5);
  expect(histograms.find(({ name }) => name === 'gap')?.counts[5]).toBe(1);
});

test('however many labels occur, an instrument holds a thousand of them and counts the rest together', () => {
  const instruments = createInstruments();
  for (let i = 0; i < 5_000; i += 1) {
    instruments.requestsEnded.of(`model-${i}`, 'completed').add(1);
    instruments.ttftMs.of(`model-${i}`).note(1);
  }
  const { figures, histograms } = instruments.read();
  const ended = figures.filter(({ name }) => name === 'requests_ended');
  expect(ended).toHaveLength(1_001);
  expect(ended.at(-1)).toMatchObject({ labels: { model: 'other', status: 'other' }, value: 4_000 });
  expect(histograms.filter(({ name }) => name === 'ttft')).toHaveLength(1_001);
});
