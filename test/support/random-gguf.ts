import { writeFileSync } from 'node:fs';

/**
 * A valid llama model with random weights, made from a seed: the engine's plumbing can be tested without
 * trained weights or a download. Its text is noise, the same noise for the same seed.
 * Format: GGUF version 3 (little endian; header, metadata, tensor descriptions, data aligned to 32 bytes).
 */
export interface RandomGgufOptions {
  readonly seed: number;
  /** Default 512 tokens. */
  readonly contextLength?: number;
  /** Default 2. */
  readonly layers?: number;
  /** Default ChatML; null leaves it out. */
  readonly chatTemplate?: string | null;
  readonly name?: string;
  /** Tokens after all others, each with one text, as chat models have for tags; templates match them whole. */
  readonly tags?: readonly string[];
}

const embedding = 64;
const heads = 4;
const keyHeads = 2;
const feedForward = 128;
const alignment = 32;

const chatMl =
  "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

/** Id of the first of {@link RandomGgufOptions.tags}. */
export const firstRandomTag = 269;

/** Texts of the model's control tokens, by id from 0. */
export const randomGgufSpecials = ['<|endoftext|>', '<|im_start|>', '<|im_end|>'] as const;

const merges = ['t h', 'th e', 'Ġ the', 'i n', 'a n', 'Ġ a', 'o n', 'e r', 'l l', 'Ġ s'];

export function writeRandomGguf(path: string, options: RandomGgufOptions): void {
  writeFileSync(path, randomGguf(options));
}

export function randomGguf(options: RandomGgufOptions): Buffer {
  const layers = options.layers ?? 2;
  const contextLength = options.contextLength ?? 512;
  const tags = options.tags ?? [];
  const words = [...randomGgufSpecials, ...byteStandIns(), ...merges.map((merge) => merge.replace(' ', ''))];
  const tokens = [...words, ...tags];
  const types = tokens.map((_, id) => {
    if (id < randomGgufSpecials.length) return tokenType.control;
    return id < words.length ? tokenType.normal : tokenType.userDefined;
  });
  const template = options.chatTemplate === undefined ? chatMl : options.chatTemplate;

  const metadata: [string, Buffer][] = [
    ['general.architecture', text('llama')],
    ['general.name', text(options.name ?? `random ${options.seed}`)],
    ['general.file_type', u32(0)],
    ['llama.context_length', u32(contextLength)],
    ['llama.embedding_length', u32(embedding)],
    ['llama.block_count', u32(layers)],
    ['llama.feed_forward_length', u32(feedForward)],
    ['llama.attention.head_count', u32(heads)],
    ['llama.attention.head_count_kv', u32(keyHeads)],
    ['llama.attention.layer_norm_rms_epsilon', f32(1e-5)],
    ['llama.rope.dimension_count', u32(embedding / heads)],
    ['llama.vocab_size', u32(tokens.length)],
    ['tokenizer.ggml.model', text('gpt2')],
    ['tokenizer.ggml.pre', text('gpt-2')],
    ['tokenizer.ggml.tokens', list(valueType.text, tokens.map(rawText))],
    ['tokenizer.ggml.token_type', list(valueType.i32, types.map(rawI32))],
    ['tokenizer.ggml.merges', list(valueType.text, merges.map(rawText))],
    ['tokenizer.ggml.bos_token_id', u32(1)],
    ['tokenizer.ggml.eos_token_id', u32(2)],
    ['tokenizer.ggml.add_bos_token', Buffer.concat([rawU32(valueType.bool), Buffer.of(0)])],
    ...(template === null ? [] : [['tokenizer.chat_template', text(template)] as [string, Buffer]]),
  ];

  const random = normal(options.seed);
  const matrix = (name: string, input: number, output: number): Tensor => ({
    name,
    shape: [input, output],
    data: Float32Array.from({ length: input * output }, () => random() / Math.sqrt(input)),
  });
  const ones = (name: string): Tensor => ({
    name,
    shape: [embedding],
    data: new Float32Array(embedding).fill(1),
  });
  const keys = (embedding / heads) * keyHeads;
  const tensors: Tensor[] = [matrix('token_embd.weight', embedding, tokens.length)];
  for (let layer = 0; layer < layers; layer++) {
    const block = `blk.${layer}`;
    tensors.push(
      ones(`${block}.attn_norm.weight`),
      matrix(`${block}.attn_q.weight`, embedding, embedding),
      matrix(`${block}.attn_k.weight`, embedding, keys),
      matrix(`${block}.attn_v.weight`, embedding, keys),
      matrix(`${block}.attn_output.weight`, embedding, embedding),
      ones(`${block}.ffn_norm.weight`),
      matrix(`${block}.ffn_gate.weight`, embedding, feedForward),
      matrix(`${block}.ffn_up.weight`, embedding, feedForward),
      matrix(`${block}.ffn_down.weight`, feedForward, embedding),
    );
  }
  tensors.push(ones('output_norm.weight'), matrix('output.weight', embedding, tokens.length));
  return assemble(metadata, tensors);
}

interface Tensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

function assemble(metadata: readonly [string, Buffer][], tensors: readonly Tensor[]): Buffer {
  const head = [Buffer.from('GGUF'), rawU32(3), rawU64(tensors.length), rawU64(metadata.length)];
  for (const [key, value] of metadata) head.push(rawText(key), value);
  let offset = 0;
  for (const { name, shape, data } of tensors) {
    head.push(rawText(name), rawU32(shape.length), ...shape.map(rawU64), rawU32(0), rawU64(offset));
    offset = aligned(offset + data.byteLength);
  }
  const parts = [pad(Buffer.concat(head))];
  for (const { data } of tensors) parts.push(pad(Buffer.from(data.buffer)));
  return Buffer.concat(parts);
}

const tokenType = { normal: 1, control: 3, userDefined: 4 } as const;
const valueType = { u32: 4, i32: 5, f32: 6, bool: 7, text: 8, list: 9 } as const;

function aligned(size: number): number {
  return Math.ceil(size / alignment) * alignment;
}

function pad(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(aligned(bytes.length) - bytes.length)]);
}

function rawU32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function rawI32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}

function rawU64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function rawText(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([rawU64(bytes.length), bytes]);
}

function u32(value: number): Buffer {
  return Buffer.concat([rawU32(valueType.u32), rawU32(value)]);
}

function f32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return Buffer.concat([rawU32(valueType.f32), bytes]);
}

function text(value: string): Buffer {
  return Buffer.concat([rawU32(valueType.text), rawText(value)]);
}

function list(type: number, items: readonly Buffer[]): Buffer {
  return Buffer.concat([rawU32(valueType.list), rawU32(type), rawU64(items.length), ...items]);
}

/** The 256 characters by which byte-level BPE writes bytes, in the order of the bytes. */
function byteStandIns(): string[] {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    return String.fromCodePoint(printable ? byte : next++);
  });
}

/** Normally distributed numbers (Box-Muller) over a small generator (mulberry32). */
function normal(seed: number): () => number {
  let state = seed >>> 0;
  const uniform = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}
