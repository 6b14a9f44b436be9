import { expect, test } from 'vitest';
import { createInstruments } from '../instruments.ts';
import { writeExposition } from './exposition.ts';

const linesOf = async (...args: Parameters<typeof writeExposition>) =>
  (await writeExposition(...args)).split('\n');

test('a counter has its total in both formats, and its family is named by the rules of each', async () => {
  const { requestsEnded, spentMicroUsd, read } = createInstruments();
  requestsEnded.of('chat', 'completed').add(3);
  spentMicroUsd.of('chat').add(1_250_000);
  const plain = await linesOf(read(), 'prometheus');
  const open = await linesOf(read(), 'openmetrics');
  const sample = 'tailrace_requests_total{model="chat",outcome="completed"} 3';
  expect(plain).toEqual(expect.arrayContaining(['# TYPE tailrace_requests_total counter', sample]));
  expect(open).toEqual(
    expect.arrayContaining([
      '# TYPE tailrace_requests counter',
      sample,
      '# UNIT tailrace_spend_dollars dollars',
      'tailrace_spend_dollars_total{model="chat"} 1.25',
    ]),
  );
  expect(plain.at(-2)).not.toBe('# EOF');
  expect(open.slice(-2)).toEqual(['# EOF', '']);
});

test('a histogram counts upwards to all of its values, in base units', async () => {
  const { ttftMs, read } = createInstruments();
  for (const value of [0, 1, 95, 96, 100_000]) ttftMs.of('m').note(value);
  const lines = await linesOf(read(), 'prometheus');
  const family = lines.filter((line) => line.startsWith('tailrace_ttft_seconds'));
  expect(family).toEqual(
    expect.arrayContaining([
      'tailrace_ttft_seconds_bucket{model="m",le="0.001"} 1',
      'tailrace_ttft_seconds_bucket{model="m",le="0.002"} 2',
      'tailrace_ttft_seconds_bucket{model="m",le="0.096"} 3',
      'tailrace_ttft_seconds_bucket{model="m",le="0.128"} 4',
      'tailrace_ttft_seconds_bucket{model="m",le="65.536"} 4',
      'tailrace_ttft_seconds_bucket{model="m",le="+Inf"} 5',
      'tailrace_ttft_seconds_sum{model="m"} 100.192',
      'tailrace_ttft_seconds_count{model="m"} 5',
    ]),
  );
});

test('whole numbers are below a bound up to the one before it', async () => {
  const counts = createInstruments();
  counts.gapMs.note(3);
  const [gap] = counts.read().histograms.filter(({ name }) => name === 'gap');
  const batch = { name: 'engine_batch', labels: {}, counts: gap?.counts ?? new Float64Array(0) } as const;
  const lines = await linesOf({ figures: [], histograms: [batch] }, 'prometheus');
  expect(lines).toEqual(
    expect.arrayContaining([
      'tailrace_engine_batch_sequences_bucket{le="2"} 0',
      'tailrace_engine_batch_sequences_bucket{le="3"} 1',
    ]),
  );
});

test('a name of any text stays one label', async () => {
  const { promptTokens, read } = createInstruments();
  promptTokens.of('a"} 1\n\\b').add(1);
  expect(await linesOf(read(), 'prometheus')).toContain(
    String.raw`tailrace_prompt_tokens_total{model="a\"} 1\n\\b"} 1`,
  );
});

test('a target is one name, as in records', async () => {
  const figure = {
    name: 'target_breaker',
    labels: { upstream: 'lab', model: 'llama/8b' },
    value: 2,
  } as const;
  expect(await linesOf({ figures: [figure], histograms: [] }, 'prometheus')).toContain(
    'tailrace_target_breaker_state{target="lab/llama/8b"} 2',
  );
});

test('a family of many models is written in pieces, between which other work has its turn', async () => {
  const { ttftMs, read } = createInstruments();
  for (let model = 0; model < 400; model += 1) ttftMs.of(`m${model}`).note(1);
  const histograms = read().histograms.filter(({ name }) => name === 'ttft');
  let turns = 0;
  let timer = setImmediate(function count() {
    turns += 1;
    timer = setImmediate(count);
  });
  const lines = await linesOf({ figures: [], histograms }, 'prometheus');
  clearImmediate(timer);
  expect(lines.filter((line) => line.includes('_count{'))).toHaveLength(400);
  expect(turns).toBeGreaterThanOrEqual(4);
});
