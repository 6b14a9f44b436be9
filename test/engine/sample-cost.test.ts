// Only the stream of a grammar pays for its cost. The compiler refuses grammars that cost so much, so here they are given
// to the scheduler directly, over the real library.

import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { GenerationEvent, Sampling } from '../../packages/server/src/engine/between/protocol.ts';
import { fakeJob, plainSampling } from '../../packages/server/src/engine/child/fake-job.ts';
import type { Job } from '../../packages/server/src/engine/child/job.ts';
import type { LoadedModel } from '../../packages/server/src/engine/child/model.ts';
import { openNative } from '../../packages/server/src/engine/child/native.ts';
import { createScheduler } from '../../packages/server/src/engine/child/scheduler.ts';
import { writeRandomGguf } from '../support/random-gguf.ts';
import { createScratch, type Scratch } from '../support/scratch.ts';

let scratch: Scratch;
let model: LoadedModel;
beforeAll(async () => {
  scratch = createScratch('sample-cost');
  const file = join(scratch.path, 'random.gguf');
  writeRandomGguf(file, { seed: 3, contextLength: 512 });
  const native = await openNative({ threads: 1, flashAttention: false, log: () => {} });
  if (!native.ok) throw new Error(native.failure.message);
  const loaded = await native.value.load({ id: 'm', file, sequences: 2, context: 512 });
  if (!loaded.ok) throw new Error(loaded.failure.message);
  model = loaded.value;
});
afterAll(() => scratch.remove());

/** Nests at every step, and each level may be any of four that begin alike. */
const steep = `root ::= n\nn ::= ${[...'abcd'].map((letter) => `"(" n "${letter}"`).join(' | ')} | "x"\n`;
const parenthesis = 3 + '('.charCodeAt(0);

/** Biases against the end of the turn, and towards one more level. */
const sampling: Sampling = {
  ...plainSampling,
  logitBias: [
    [0, -100],
    [2, -100],
    [parenthesis, 50],
  ],
};

function job(id: number, more: Partial<Job>): Job {
  return fakeJob({ id, tokens: [60 + id, 61, 62, 63], maxTokens: 60, sampling, ...more });
}

test('a grammar whose cost explodes ends its own stream with 400, and its neighbour finishes', async () => {
  const events: GenerationEvent[] = [];
  const ended = Promise.withResolvers<void>();
  const scheduler = createScheduler({
    model,
    emit(batch) {
      events.push(...batch);
      if (events.filter(({ type }) => type === 'ended').length === 2) ended.resolve();
    },
    beat: () => {},
    now: () => performance.now(),
  });
  scheduler.submit(job(1, { shape: { type: 'grammar', gbnf: steep } }));
  scheduler.submit(job(2, {}));
  await ended.promise;
  expect(events).toContainEqual({
    type: 'failed',
    id: 1,
    failure: expect.objectContaining({ code: 'invalid_value', param: 'response_format' }),
  });
  expect(events).toContainEqual(
    expect.objectContaining({ type: 'finished', id: 2, reason: 'length', completionTokens: 60 }),
  );
});
