import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createEngine } from '../../packages/server/src/engine/parent/engine.ts';
import { randomGguf, writeRandomGguf } from '../support/random-gguf.ts';
import { createScratch, type Scratch } from '../support/scratch.ts';
import { until } from '../support/until.ts';
import { ask, startTestEngine } from './ask.ts';

let scratch: Scratch;

beforeAll(() => {
  scratch = createScratch('gguf');
});
afterAll(() => scratch.remove());

test('the same seed makes the same file, another seed another file', () => {
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

/** Some minutes of work. */
const endless = '{% for i in range(30000) %}{% for j in range(30000) %}{% endfor %}{% endfor %}';

test('a template that does not end fails the start with one clear line that names the file', async () => {
  const file = join(scratch.path, 'endless.gguf');
  writeRandomGguf(file, { seed: 3, chatTemplate: endless });
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const engine = createEngine({ models: new Map([['m', { file, sequences: 1 }]]), queue: 1, log });
  const started = await engine.start(AbortSignal.timeout(60_000));
  expect(!started.ok && started.failure.message).toMatch(
    /^The chat template of \S+endless\.gguf does not end: [^\n]+$/,
  );
  await engine.stop();
});

test('a prompt that its template never finishes fails that request only', async () => {
  const file = join(scratch.path, 'sometimes.gguf');
  const chatTemplate = `{% if messages[0].content == 'loop' %}${endless}{% endif %}{{ messages[0].content }}`;
  writeRandomGguf(file, { seed: 3, chatTemplate });
  const { engine, pid } = await startTestEngine({ file, sequences: 2, context: 256 });
  const before = pid();
  try {
    let texts = 0;
    const stream = ask(engine, 'on and on', { keyId: 'other', maxTokens: 200, onText: () => texts++ });
    const loop = ask(engine, 'loop');
    expect((await stream).end).toMatch(/stop|length/);
    expect(texts).toBeGreaterThan(0);
    expect((await loop).end).toBe('invalid_value');
    expect((await ask(engine, 'hello', { maxTokens: 5 })).end).toMatch(/stop|length/);
    expect(pid()).toBe(before);
  } finally {
    await engine.stop();
  }
});

test('a file replaced between a crash and the restart is served under its own fingerprint and context', async () => {
  const file = join(scratch.path, 'replaced.gguf');
  writeRandomGguf(file, { seed: 3, contextLength: 512, name: 'first' });
  const { engine, pid } = await startTestEngine({ file, sequences: 1, context: 'max' });
  try {
    const first = engine.describe('m');
    const starts = async () =>
      (await ask(engine, 'hello', { maxTokens: 2 })).events.filter(({ type }) => type === 'start');
    expect(await starts()).toMatchObject([{ type: 'start', fingerprint: first?.fingerprint }]);
    writeRandomGguf(file, { seed: 4, contextLength: 1024, name: 'second' });
    process.kill(pid(), 'SIGKILL');
    await until('the engine has restarted', 20_000, () =>
      engine.describe('m')?.modelName === 'second' && engine.ready() ? true : undefined,
    );
    const second = engine.describe('m');
    expect(second).toMatchObject({ contextLength: 1024, modelName: 'second' });
    expect(second?.fingerprint).not.toBe(first?.fingerprint);
    expect(await starts()).toMatchObject([{ type: 'start', fingerprint: second?.fingerprint }]);
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
