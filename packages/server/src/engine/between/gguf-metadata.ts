import { readSync } from 'node:fs';

/**
 * Checks the sizes in the metadata of a GGUF file before a library reads them: a false count ends the process that
 * allocates for it, and a template of 300 MB takes minutes to read.
 * Format: header (magic, version, counts of tensors and of fields), then key, type and value of each field; numbers
 * are little-endian. Reads the metadata once, in windows (some 15 ms for a vocabulary of 150,000 words), and no tensor.
 */
export type MetadataProblem = string;

const windowBytes = 1 << 20;
/** Vocabularies with their merges take 5 to 20 MB. */
const mostMetadata = 256 << 20;
/** The longest known templates have 100 kB. */
const mostTemplate = 1 << 20;
/** Some files have a complete tokenizer.json of 20 MB in one text. */
const mostText = 64 << 20;
/** The longest word of a vocabulary. */
const mostWord = 16 << 10;
const mostNesting = 4;
/** The least bytes of a tensor's description, and of a field. */
const leastTensor = 24;
const leastField = 13;

const typeText = 8;
const typeList = 9;
/** The bytes of numbers and booleans, by type. */
const sizes: ReadonlyMap<number, number> = new Map([
  ...[0, 1, 7].map((type) => [type, 1] as const),
  ...[2, 3].map((type) => [type, 2] as const),
  ...[4, 5, 6].map((type) => [type, 4] as const),
  ...[10, 11, 12].map((type) => [type, 8] as const),
]);

/** The first problem of an open file of `size` bytes; undefined where there is none. The caller closes `descriptor`. */
export function metadataProblem(descriptor: number, size: number): MetadataProblem | undefined {
  const bytes = openBytes(descriptor, Math.min(size, mostMetadata));
  try {
    bytes.skip(8);
    const tensors = bytes.length();
    const fields = bytes.length();
    if (tensors * leastTensor > size) throw new Problem(`its header claims ${tensors} tensors`);
    if (fields * leastField > size) throw new Problem(`its header claims ${fields} fields of metadata`);
    for (let field = 0; field < fields; field++) passField(bytes);
    return undefined;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return size > mostMetadata && error.message === beyondEnd
      ? `its metadata take more than ${mostMetadata} bytes`
      : error.message;
  }
}

/** Thrown and caught in this file only. */
class Problem extends Error {}

const beyondEnd = 'its metadata are longer than the file';

function passField(bytes: Bytes): void {
  const key = bytes.text(1_024, 'a key of its metadata');
  const type = bytes.u32();
  const most = key === 'tokenizer.chat_template' ? mostTemplate : mostText;
  passValue(bytes, type, most, `the field '${key}' of its metadata`, 0);
}

function passValue(bytes: Bytes, type: number, mostBytes: number, what: string, depth: number): void {
  if (type === typeText) {
    const length = bytes.length();
    if (length > mostBytes)
      throw new Problem(`${what} has ${length} bytes, and at most ${mostBytes} are read`);
    bytes.skip(length);
    return;
  }
  if (type === typeList) {
    passList(bytes, what, depth + 1);
    return;
  }
  const size = sizes.get(type);
  if (size === undefined) throw new Problem(`${what} is of a type that is not known (${type})`);
  bytes.skip(size);
}

function passList(bytes: Bytes, what: string, depth: number): void {
  if (depth > mostNesting) throw new Problem(`${what} nests lists deeper than ${mostNesting} levels`);
  const type = bytes.u32();
  const count = bytes.length();
  const size = sizes.get(type);
  if (count * (size ?? 8) > bytes.left()) throw new Problem(`${what} claims ${count} elements`);
  if (size !== undefined) bytes.skip(count * size);
  else for (let at = 0; at < count; at++) passValue(bytes, type, mostWord, `an element of ${what}`, depth);
}

interface Bytes {
  u32(): number;
  /** An unsigned integer of 64 bits as a number; inexact from 2^53 on, which every limit is below. */
  length(): number;
  text(most: number, what: string): string;
  skip(count: number): void;
  /** Bytes to the end of the part that may be read. */
  left(): number;
}

function openBytes(descriptor: number, end: number): Bytes {
  const space = Buffer.alloc(Math.min(windowBytes, end));
  let window = space.subarray(0, 0);
  /** The offset of the window in the file, and of the next byte in the window. */
  let from = 0;
  let at = 0;

  function take(count: number): number {
    if (from + at + count > end) throw new Problem(beyondEnd);
    if (at + count > window.length) {
      from += at;
      window = space.subarray(0, readSync(descriptor, space, 0, space.length, from));
      at = 0;
      // The file has become shorter.
      if (count > window.length) throw new Problem(beyondEnd);
    }
    const start = at;
    at += count;
    return start;
  }

  const bytes: Bytes = {
    u32: () => {
      const start = take(4);
      return window.readUInt32LE(start);
    },
    length: () => {
      const low = bytes.u32();
      return bytes.u32() * 2 ** 32 + low;
    },
    text(most, what) {
      const length = bytes.length();
      if (length > most) throw new Problem(`${what} claims ${length} bytes`);
      const start = take(length);
      return window
        .toString('latin1', start, start + length)
        .replace(/[^ -~]/g, '?')
        .slice(0, 100);
    },
    skip(count) {
      if (from + at + count > end) throw new Problem(beyondEnd);
      at += count;
      // Beyond the window: the next read begins there.
      if (at > window.length) {
        from += at;
        at = 0;
        window = space.subarray(0, 0);
      }
    },
    left: () => end - from - at,
  };
  return bytes;
}
