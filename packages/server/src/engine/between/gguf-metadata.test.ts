import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { metadataProblem } from './gguf-metadata.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tailrace-metadata-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
const u64 = (value: bigint | number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
};
const text = (value: string): Buffer => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);
const textField = (key: string, value: string): Buffer => Buffer.concat([text(key), u32(8), text(value)]);
const list = (key: string, type: number, count: bigint | number, ...items: readonly Buffer[]): Buffer =>
  Buffer.concat([text(key), u32(9), u32(type), u64(count), ...items]);

function gguf(fields: readonly Buffer[], counts: { tensors?: bigint; fields?: bigint } = {}): Buffer {
  const head = [Buffer.from('GGUF'), u32(3), u64(counts.tensors ?? 0), u64(counts.fields ?? fields.length)];
  return Buffer.concat([...head, ...fields]);
}

function problem(bytes: Buffer): string | undefined {
  const file = join(folder, 'x.gguf');
  writeFileSync(file, bytes);
  const descriptor = openSync(file, 'r');
  try {
    return metadataProblem(descriptor, bytes.length);
  } finally {
    closeSync(descriptor);
  }
}

describe('metadata', () => {
  test('of every type are accepted, wherever a window ends', () => {
    const words = Array.from({ length: 100_000 }, (_, index) => text(`word${index % 977}`));
    const numbers = Array.from({ length: 13 }, (_, type) => type).filter((type) => type !== 8 && type !== 9);
    const bytesOf = (type: number): number => (type < 2 || type === 7 ? 1 : type < 4 ? 2 : type < 7 ? 4 : 8);
    const fields = [
      textField('general.name', 'x'),
      list('tokenizer.ggml.tokens', 8, words.length, ...words),
      list('tokenizer.ggml.scores', 6, 300_000, Buffer.alloc(1_200_000)),
      list('nested', 9, 2, u32(4), u64(1), u32(1), u32(8), u64(1), text('a')),
      ...numbers.map((type) => Buffer.concat([text(`n${type}`), u32(type), Buffer.alloc(bytesOf(type))])),
      textField('tokenizer.chat_template', 'x'.repeat(1 << 20)),
    ];
    expect(problem(gguf(fields))).toBeUndefined();
  });

  test.each<[string, Buffer, RegExp]>([
    ['tensors beyond the file', gguf([], { tensors: 2n ** 60n }), /claims 1152921504606847000 tensors/],
    ['fields beyond the file', gguf([], { fields: 2n ** 60n }), /claims 1152921504606847000 fields/],
    ['a key beyond the file', gguf([u64(2n ** 60n)]), /a key of its metadata claims/],
    [
      'a text beyond the file',
      gguf([Buffer.concat([text('k'), u32(8), u64(2n ** 20n)])]),
      /longer than the file/,
    ],
    [
      'a list beyond the file',
      gguf([list('words', 8, 2n ** 31n, text('a'))]),
      /'words' .*2147483648 elements/,
    ],
    [
      'a template of megabytes',
      gguf([textField('tokenizer.chat_template', 'x'.repeat((1 << 20) + 1))]),
      /chat_template/,
    ],
    [
      'a word of a megabyte',
      gguf([list('words', 8, 1, text('x'.repeat(1 << 20)))]),
      /an element of .*'words'/,
    ],
    ['a type that is none', gguf([Buffer.concat([text('k'), u32(99)])]), /'k' .*not known \(99\)/],
    [
      'lists in lists without end',
      gguf([Buffer.concat([text('k'), ...Array(20).fill(Buffer.concat([u32(9), u64(1)]))])]),
      /claims|nests/,
    ],
    ['an end in the middle', gguf([textField('a', 'b')]).subarray(0, 40), /longer than the file/],
    ['a head alone', Buffer.from('GGUF'), /longer than the file/],
  ])('with %s are refused in words', (_name, bytes, words) => {
    expect(problem(bytes)).toMatch(words);
  });
});
