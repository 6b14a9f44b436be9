import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createEngine } from '../../packages/server/src/engine/engine.ts';
import { randomGguf, writeRandomGguf } from '../support/random-gguf.ts';
import { createScratch, type Scratch } from '../support/scratch.ts';
import { ask, startTestEngine } from './ask.ts';

let scratch: Scratch;

beforeAll(() => {
  scratch = createScratch('gguf');
});
afterAll(() => scratch.remove());

test('the same seed makes the same file, another one another', () => {
  expect(randomGguf({ seed: 1 }).equals(randomGguf({ seed: 1 }))).toBe(true);
  expect(randomGguf({ seed: 1 }).equals(randomGguf({ seed: 2 }))).toBe(false);
});

test('a file without a chat template is served with the generic one', async () => {
  const file = join(scratch.path, 'bare.gguf');
  writeRandomGguf(file, { seed: 3, chatTemplate: null });
  const { engine } = await startTestEngine({ file, sequences: 1, context: 256 });
  try {
    expect(engine.contextLength('m')).toBe(256);
    expect((await ask(engine, 'hello', { maxTokens: 5 })).usage.promptTokens).toBeGreaterThan(5);
  } finally {
    await engine.stop();
  }
});

test('a GGUF that is cut short fails the start with one clear line that names it', async () => {
  const file = join(scratch.path, 'cut.gguf');
  scratch.write('cut.gguf', '');
  const { writeFileSync } = await import('node:fs');
  writeFileSync(file, randomGguf({ seed: 3 }).subarray(0, 200_000));
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const engine = createEngine({ models: new Map([['m', { file, sequences: 1 }]]), queue: 1, log });
  const started = await engine.start(AbortSignal.timeout(30_000));
  expect(started).toMatchObject({ ok: false, failure: { message: expect.stringContaining('cut.gguf') } });
  expect(!started.ok && started.failure.message).not.toContain('\n');
  await engine.stop();
});
