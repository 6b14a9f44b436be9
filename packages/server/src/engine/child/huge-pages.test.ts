import { expect, test } from 'vitest';
import { copiesWeights, type Machine } from './huge-pages.ts';

const linux: Machine = {
  platform: 'linux',
  availableMemory: () => 1000,
  sizeOf: (file) => (file === 'model.gguf' ? 250 : undefined),
  read: () => 'always [madvise] never\n',
};

test('weights are copied where the kernel gives huge pages and memory is plenty', () => {
  expect(copiesWeights('model.gguf', linux)).toBe(true);
  expect(copiesWeights('model.gguf', { ...linux, read: () => '[always] madvise never\n' })).toBe(true);
});

test.each<[string, Partial<Machine>]>([
  ['memory is short', { availableMemory: () => 999 }],
  ['the kernel gives no huge pages', { read: () => 'always madvise [never]\n' }],
  ['the kernel says nothing of huge pages', { read: () => undefined }],
  ['the system is another', { platform: 'darwin' }],
  ['the file is not there', { sizeOf: () => undefined }],
])('weights stay mapped where %s', (_, machine) => {
  expect(copiesWeights('model.gguf', { ...linux, ...machine })).toBe(false);
});
