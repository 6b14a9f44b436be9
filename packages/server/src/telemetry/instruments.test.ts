import { expect, test } from 'vitest';
import { createInstruments } from './instruments.ts';
import { figuresOf } from './testing/figures-of.ts';

test('a label has a counter from its first use on, and what is watched is read each time', () => {
  const instruments = createInstruments();
  let live = 3;
  instruments.watch(() => [{ name: 'streams_live', labels: {}, value: live }]);
  instruments.requestErrors.of('overloaded').add(1);
  instruments.requestErrors.of('overloaded').add(1);
  expect(figuresOf(instruments)).toMatchObject({ streams_live: 3, 'request_errors overloaded': 2 });
  live = 1;
  expect(figuresOf(instruments)).toMatchObject({ streams_live: 1 });
});

test('a count never falls: what was too much is taken off from later amounts', () => {
  const instruments = createInstruments();
  const counts = [10, -4, 1, 5, -2, 2].map((amount) => {
    instruments.promptTokens.add(amount);
    return figuresOf(instruments)['prompt_tokens'];
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
