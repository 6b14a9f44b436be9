import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fail, failure, ok } from '../../domain/failure.ts';
import type { ModelToLoad } from '../between/protocol.ts';
import { fakeInfo, fakeModelFile } from '../parent/fake-child.ts';
import { loadModel } from './load-model.ts';
import type { LoadedModel } from './model.ts';
import type { Native } from './native.ts';
import { createSpecialTexts } from './special-text.ts';
import type { TemplateThread } from './template-thread.ts';

let folder = '';
let file = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tailrace-load-'));
  file = join(folder, 'm.gguf');
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A library that notes what it is asked for, and lets the test meddle with the file meanwhile. */
function library(meanwhile: () => void = () => {}) {
  const asked: ModelToLoad[] = [];
  const native: Pick<Native, 'load'> = {
    async load(wanted) {
      asked.push(wanted);
      meanwhile();
      const model: LoadedModel = {
        info: { ...fakeInfo, contextLength: wanted.context === 'max' ? 4_096 : wanted.context },
        vocabulary: {
          specialTexts: createSpecialTexts([]),
          tokenize: () => [],
          bosText: undefined,
          eosText: undefined,
          leadingToken: undefined,
          longestToken: 4,
        },
        template: undefined,
        sequences: [],
        bytesOf: () => new Uint8Array(),
        controls: new Map(),
        endsAnswer: () => false,
        readingRate: 1,
        largestSlice: 1,
      };
      return ok(model);
    },
  };
  return { native, asked };
}

const templates: TemplateThread = {
  open: async () =>
    ok({
      source: '',
      abilities: { system: 'anywhere', repeatedRoles: true, tools: false, toolDefinitions: false },
      stop: [],
      warning: undefined,
      render: async () => ok(''),
    }),
  close: async () => {},
};

const wanted = (more: Partial<ModelToLoad> = {}): ModelToLoad => ({
  id: 'm',
  file,
  sequences: 1,
  context: 100,
  ...more,
});

async function fingerprintOf(): Promise<string> {
  const loaded = await loadModel(wanted(), library().native, templates);
  if (!loaded.ok) throw new Error(loaded.failure.message);
  return loaded.value.info.fingerprint;
}

test('has the fingerprint of the file that was loaded', async () => {
  writeFileSync(file, fakeModelFile);
  const first = await fingerprintOf();
  expect(first).toMatch(/^fp_[0-9a-f]{12}$/);
  expect(await fingerprintOf()).toBe(first);
  writeFileSync(file, Buffer.concat([fakeModelFile, Buffer.from('other weights')]));
  expect(await fingerprintOf()).not.toBe(first);
});

test('uses a context that was decided before for the same file only', async () => {
  writeFileSync(file, fakeModelFile);
  const decided = { fingerprint: await fingerprintOf(), otherwise: 'max' as const };
  const { native, asked } = library();
  await loadModel(wanted({ decided }), native, templates);
  writeFileSync(file, Buffer.concat([fakeModelFile, Buffer.from('other weights')]));
  await loadModel(wanted({ decided }), native, templates);
  expect(asked.map(({ context }) => context)).toEqual([100, 'max']);
});

test('refuses a file that changes while it is loaded', async () => {
  writeFileSync(file, fakeModelFile);
  const { native } = library(() => writeFileSync(file, Buffer.concat([fakeModelFile, Buffer.from('more')])));
  expect(await loadModel(wanted(), native, templates)).toMatchObject({
    ok: false,
    failure: { message: expect.stringContaining(`${file} changed while it was loaded`) },
  });
});

test('names a file that is missing or no longer a model, and does not open it with the library', async () => {
  const { native, asked } = library();
  for (const [path, words] of [
    [join(folder, 'absent.gguf'), 'does not exist'],
    ['/dev/zero', 'is no regular file'],
  ] as const) {
    expect(await loadModel(wanted({ file: path }), native, templates)).toMatchObject({
      ok: false,
      failure: { message: expect.stringContaining(`${path} ${words}`) },
    });
  }
  expect(asked).toEqual([]);
});

test('a template that cannot be opened is the model’s failure', async () => {
  writeFileSync(file, fakeModelFile);
  const reason = failure('internal_error', 'does not end');
  const stuck: TemplateThread = { ...templates, open: async () => fail(reason) };
  expect(await loadModel(wanted(), library().native, stuck)).toEqual({ ok: false, failure: reason });
});
