import { expect, test } from 'vitest';
import { fakeIntent } from '../ledger/testing/fake-records.ts';
import type { AttemptRecord } from '../routing/open-attempts.ts';
import type { Progress, Settled } from '../storage/contract.ts';
import { countAll } from '../telemetry/histogram.ts';
import { createInstruments } from '../telemetry/instruments.ts';
import { figuresOf } from '../telemetry/testing/figures-of.ts';
import { createLikelyCompletion } from './likely-completion.ts';
import { OpenRecord, type WatchedSource } from './open-record.ts';
import { createPrices } from './prices.ts';

const lease = { processId: 'proc_a', scopes: [], reservedTokens: 0, takenAtMs: 0, marks: [] };
const asked = { modelId: 'm', n: 1, stream: true };
const attempt = (target: string, more: Partial<AttemptRecord>): AttemptRecord => ({
  target,
  model: 'm',
  mode: 'first',
  outcome: 'failed',
  deliveredTokens: 0,
  startedMs: 0,
  ...more,
});

/** Settles a record with these attempts. */
function recorded(attempts: readonly AttemptRecord[], target?: string): Settled | undefined {
  let record: Settled | undefined;
  const open = new OpenRecord(
    {
      ledger: {
        progress: () => {},
        settle: (ending) => {
          if (ending.type === 'settled') record = ending.record;
        },
      },
      prices: createPrices(new Map()),
      likely: createLikelyCompletion(),
      open: new Set(),
      instruments: createInstruments(),
      labelOf: (id) => id,
      clock: Date.now,
    },
    fakeIntent('a'),
    lease,
    asked,
  );
  open.settle({ status: 'cut', attempts, ...(target === undefined ? {} : { target }) });
  return record;
}

test.each<readonly [string, readonly AttemptRecord[], string]>([
  [
    'took over, and was cut too',
    [attempt('a/m', { deliveredTokens: 3 }), attempt('b/m', { deliveredTokens: 2 })],
    'b/m',
  ],
  [
    'answered, where another could not take over',
    [attempt('a/m', { deliveredTokens: 3 }), attempt('b/m', {})],
    'a/m',
  ],
  ['served a bare finish', [attempt('a/m', { outcome: 'served' })], 'a/m'],
  ['was asked last, where none answered', [attempt('a/m', {}), attempt('b/m', {})], 'b/m'],
])('a record names the target that %s', (_name, attempts, target) => {
  expect(recorded(attempts, attempts.at(-1)?.target)?.target).toBe(target);
});

/** A record whose answer has begun, and the progress that it has reported. */
function begun(attempts: readonly AttemptRecord[], tokens: () => number, clock: () => number, stream = true) {
  const instruments = createInstruments();
  const source: WatchedSource = {
    served: () => ({ target: 'a/m' }),
    reported: () => undefined,
    attempts: () => attempts,
    promptTokens: () => 10,
    completionTokens: tokens,
    completionIsCounted: () => true,
  };
  const marks: Progress[] = [];
  const records = {
    ledger: { progress: (some: readonly Progress[]) => marks.push(...some), settle: () => {} },
    prices: createPrices(new Map()),
    likely: createLikelyCompletion(),
    open: new Set<OpenRecord>(),
    instruments,
    labelOf: (id: string) => id,
    clock,
  };
  const record = new OpenRecord(records, fakeIntent('a'), lease, { ...asked, stream });
  record.watch(source);
  record.committed();
  return { record, marks, instruments };
}

test('the progress of an answer that was taken over names the target that answers now', () => {
  const attempts = [attempt('a/m', { deliveredTokens: 3 }), attempt('b/m', { outcome: 'served' })];
  const { marks } = begun(attempts, () => 5, Date.now);
  expect(marks).toMatchObject([{ target: 'b/m', completionTokens: 5 }]);
});

test('the progress has its time and that of the commit, for the record of a killed process', () => {
  const { createdAtMs } = fakeIntent('a');
  let [nowMs, tokens] = [createdAtMs + 120, 0];
  const attempts = [attempt('a/m', { outcome: 'served' })];
  const { record, marks } = begun(
    attempts,
    () => tokens,
    () => nowMs,
  );
  [nowMs, tokens] = [createdAtMs + 5_500, 110];
  expect([...marks, record.progress()]).toMatchObject([
    { atMs: createdAtMs + 120, ttftMs: 120 },
    { atMs: createdAtMs + 5_500, ttftMs: 120, completionTokens: 110 },
  ]);
});

test('tokens are counted while they are delivered, and in the end as the record has them', () => {
  let tokens = 2;
  const attempts = [attempt('a/m', { outcome: 'served' })];
  const { record, instruments } = begun(attempts, () => tokens, Date.now);
  expect(figuresOf(instruments)).toMatchObject({ 'prompt_tokens m': 10, 'completion_tokens m': 2 });
  tokens = 50;
  record.progress();
  expect(figuresOf(instruments)).toMatchObject({ 'completion_tokens m': 50 });
  const usage = { promptTokens: 12, completionTokens: 45, cachedTokens: 4, reasoningTokens: 3 };
  record.settle({ status: 'completed', attempts, usage });
  // A count never falls: what was too much is made up for by the next request.
  expect(figuresOf(instruments)).toMatchObject({
    ...{ 'prompt_tokens m': 12, 'completion_tokens m': 50 },
    ...{ 'cached_tokens m': 4, 'reasoning_tokens m': 3 },
  });
  instruments.completionTokens.of('m').add(30);
  expect(figuresOf(instruments)).toMatchObject({ 'completion_tokens m': 75 });
});

test.each([
  [true, 1],
  [false, 0],
])('the time to the first token is that of streams: stream %s', (stream, counted) => {
  const { record, instruments } = begun([attempt('a/m', {})], () => 5, Date.now, stream);
  record.progress();
  const ttft = instruments.read().histograms.find(({ name }) => name === 'ttft');
  expect(ttft === undefined ? 0 : countAll(ttft.counts)).toBe(counted);
});
