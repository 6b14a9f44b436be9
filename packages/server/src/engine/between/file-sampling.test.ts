import { expect, test } from 'vitest';
import { samplingOfFile } from './file-sampling.ts';

test('a model file says how its model samples, in floats of 32 bits', () => {
  const temp = Math.fround(0.6);
  expect(samplingOfFile({ temp, top_p: Math.fround(0.95), top_k: 20, min_p: 0, mirostat: 1 })).toEqual({
    temperature: 0.6,
    topP: 0.95,
    topK: 20,
    minP: 0,
  });
});

test.each([
  [undefined],
  [null],
  ['0.6'],
  [{}],
  [{ temp: '0.6', top_p: null, top_k: 1.5, min_p: Number.NaN }],
  [{ temp: -1, top_p: 1.1, top_k: -1, min_p: 2 }],
  [{ temp: Number.POSITIVE_INFINITY }],
])('%j says nothing', (sampling) => {
  expect(samplingOfFile(sampling)).toEqual({});
});
