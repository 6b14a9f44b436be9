import { createRequire } from 'node:module';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { createParser } from 'eventsource-parser';
import { Tailrace } from '../../packages/client/src/index.ts';
import { createEventDecoder } from '../../packages/client/src/sse/event-decoder.ts';

/*
 * `node --conditions=tailrace-source bench/client/main.ts [--rounds N]`: what it costs to read a stream, from bytes to events and from bytes
 * to chunk objects, beside eventsource-parser and openai-node. See README.md.
 */

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '15' } } });
const rounds = Number(values.rounds);

interface Chunk {
  readonly choices: readonly { readonly delta: { readonly content?: string | null } }[];
}

/** The part of openai-node's client that is measured; its package is one of the clients of the tests. */
interface OpenAIClient {
  readonly chat: {
    readonly completions: { create(body: object): Promise<AsyncIterable<Chunk>> };
  };
}
const clients = createRequire(path.join(import.meta.dirname, '../../test/clients/package.json'));
const { OpenAI } = clients('openai') as { OpenAI: new (options: object) => OpenAIClient };

const events = 20_000;
const words = Array.from({ length: events }, (_, index) => ` word${index % 997}`);
const text = words.join('');

function chunkOf(delta: object, reason: string | null): string {
  return JSON.stringify({
    id: 'chatcmpl-0123456789abcdef0123456789abcdef',
    object: 'chat.completion.chunk',
    created: 1_700_000_000,
    model: 'smollm2-135m-instruct',
    system_fingerprint: 'fp_0123456789',
    choices: [{ index: 0, delta, logprobs: null, finish_reason: reason }],
  });
}

const frames = [
  ...words.map((content) => `data: ${chunkOf({ content }, null)}\n\n`),
  `data: ${chunkOf({}, 'stop')}\n\n`,
  'data: [DONE]\n\n',
];
const encoder = new TextEncoder();
const whole = encoder.encode(frames.join(''));

/** How the bytes arrive: one event a read, as from a model, or in the pieces of a fast network. */
const arrivals: Readonly<Record<string, readonly Uint8Array[]>> = {
  'one event a read': frames.map((frame) => encoder.encode(frame)),
  '16 kB a read': Array.from({ length: Math.ceil(whole.length / 16_384) }, (_, index) =>
    whole.subarray(index * 16_384, (index + 1) * 16_384),
  ),
};

/** Each reads the pieces, and gives back the text that it read. */
const decoders: Readonly<Record<string, (pieces: readonly Uint8Array[]) => string>> = {
  tailrace(pieces) {
    let last = '';
    let count = 0;
    const decoder = createEventDecoder((data) => {
      last = data;
      count += 1;
    });
    for (const piece of pieces) decoder.push(piece);
    return `${count} ${last}`;
  },
  'eventsource-parser'(pieces) {
    let last = '';
    let count = 0;
    const parser = createParser({
      onEvent({ data }) {
        last = data;
        count += 1;
      },
    });
    const utf8 = new TextDecoder();
    for (const piece of pieces) parser.feed(utf8.decode(piece, { stream: true }));
    return `${count} ${last}`;
  },
};

function answer(pieces: readonly Uint8Array[]): Promise<Response> {
  let next = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const piece = pieces[next];
      next += 1;
      if (piece === undefined) controller.close();
      else controller.enqueue(piece);
    },
  });
  return Promise.resolve(new Response(body, { headers: { 'content-type': 'text/event-stream' } }));
}

async function join(stream: AsyncIterable<Chunk>): Promise<string> {
  let joined = '';
  for await (const chunk of stream) joined += chunk.choices[0]?.delta.content ?? '';
  return joined;
}

const params = { model: 'm', messages: [], stream: true as const };
const readers: Readonly<Record<string, (pieces: readonly Uint8Array[]) => Promise<string>>> = {
  async tailrace(pieces) {
    const client = new Tailrace({ apiKey: 'k', baseURL: 'http://x/v1', fetch: () => answer(pieces) });
    return join(await client.chat.completions.create(params));
  },
  async 'openai-node'(pieces) {
    const client = new OpenAI({ apiKey: 'k', baseURL: 'http://x/v1', fetch: () => answer(pieces) });
    return join(await client.chat.completions.create(params));
  },
};

/** Milliseconds of CPU of the middle round. The candidates take turns, so that what else the machine does meets all of them. */
async function compare(
  candidates: Readonly<Record<string, (pieces: readonly Uint8Array[]) => string | Promise<string>>>,
  pieces: readonly Uint8Array[],
  expected: string,
): Promise<Map<string, number>> {
  const times = new Map<string, number[]>();
  for (let round = 0; round < rounds + 3; round += 1) {
    for (const [name, read] of Object.entries(candidates)) {
      const from = process.cpuUsage();
      const got = await read(pieces);
      const { user, system } = process.cpuUsage(from);
      const took = (user + system) / 1_000;
      if (got !== expected) throw new Error(`${name} has read something else`);
      // The first rounds are for the compiler.
      if (round >= 3) times.set(name, [...(times.get(name) ?? []), took]);
    }
  }
  return new Map(
    [...times].map(([name, all]) => [name, all.toSorted((one, other) => one - other)[all.length >> 1] ?? 0]),
  );
}

const megabytes = whole.length / 1e6;
let isSlow = false;
for (const [arrival, pieces] of Object.entries(arrivals)) {
  const decoded = await compare(decoders, pieces, `${frames.length} [DONE]`);
  const read = await compare(readers, pieces, text);
  for (const [what, results, most] of [
    ['bytes to events', decoded, 1.1],
    ['bytes to chunks', read, 0.5],
  ] as const) {
    const [[, ours = 0] = [], [name = '', other = 0] = []] = [...results];
    const ratio = ours / other;
    isSlow ||= ratio > most;
    const perMegabyte = (ms: number): string => `${(ms / megabytes).toFixed(2)} ms/MB`;
    process.stdout.write(
      `${arrival}, ${what}: tailrace ${perMegabyte(ours)}, ${name} ${perMegabyte(other)}, ratio ${ratio.toFixed(2)} (at most ${most})\n`,
    );
  }
}
process.exitCode = isSlow ? 1 : 0;
