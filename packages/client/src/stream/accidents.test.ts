/*
 * Network accidents, on real sockets: every way in which a connection can end, in plans of up to four of them, against every form in
 * which a stream can be read. The joined text is exact and each chunk comes once, or the error is the one that the plan asks for.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { seededRandom } from '../../../server/src/testing/seeded-random.ts';
import { roundsOf, seedOf } from '../../../server/src/testing/suite-part.ts';
import { APIError, StreamTruncatedError, Tailrace } from '../index.ts';
import { type AccidentServer, type Play, startAccidentServer } from '../testing/accident-server.ts';
import type { Accident } from '../testing/accidents.ts';
import type { ChatCompletionChunk } from '../types/chat.ts';
import type { ChatStream } from './contract.ts';

let server: AccidentServer;
beforeAll(async () => {
  server = await startAccidentServer();
});
afterAll(() => server.close());

const words = ['Es', ' war', ' einmal', ' \u00e4', '\u{1f600}', ' "x"', '\n', ' data: ', '\u2028', ' ende'];

interface Case extends Play {
  readonly seed: number;
  readonly form: Play['form'];
  readonly reader: keyof typeof readers;
  readonly text: string;
}

function makeCase(seed: number): Case {
  const random = seededRandom(seed);
  const below = (bound: number): number => Math.floor(random() * bound);
  const oneOf = <Item>(items: readonly Item[]): Item => items[below(items.length)] as Item;
  const count = 3 + below(20);
  const texts = Array.from({ length: count }, () => oneOf(words));
  const keeps = random() < 0.8;
  const events = [
    chunk({ role: 'assistant', content: '' }),
    ...texts.map((content) => chunk({ content })),
    chunk({}, 'stop'),
    '[DONE]',
  ];
  const accident = (): Accident => {
    const event = below(events.length);
    const at = 1 + below(events.length - 3);
    switch (below(17)) {
      case 0:
        return { type: 'cut-before-head', reset: random() < 0.5 };
      case 1:
        return { type: 'cut-in-head' };
      case 2:
        return { type: 'silence-before-head' };
      case 3: {
        const status = oneOf([429, 500, 502, 503]);
        return { type: 'status', status, code: 'overloaded', headers: { 'retry-after-ms': '1' } };
      }
      case 4:
        return { type: 'page' };
      case 5:
        return { type: 'silence', event, part: oneOf([0, random(), 1]) };
      case 6:
        return { type: 'replay', events: below(5) };
      case 7:
        // Where events have no numbers nothing shows that one is missing.
        return keeps ? { type: 'gap', at } : { type: 'none' };
      case 8:
        return { type: 'torn', at: 1 + at };
      case 9:
        return random() < 0.3 ? { type: 'early-done', at } : { type: 'none' };
      case 10:
        return random() < 0.3
          ? { type: 'error-event', at, code: oneOf(['upstream_cut', 'stall_timeout']) }
          : { type: 'none' };
      case 11:
        return random() < 0.3
          ? { type: 'status', status: oneOf([401, 404, 410]), code: 'completion_not_found', headers: {} }
          : { type: 'none' };
      case 12:
        return { type: 'unnumbered', at: 1 + at };
      default:
        return {
          type: 'cut',
          event,
          part: oneOf([0, random(), 1]),
          how: oneOf(['polite', 'close', 'reset']),
        };
    }
  };
  return {
    seed,
    events,
    keeps,
    accidents: Array.from({ length: below(5) }, accident),
    form: {
      lineEnd: oneOf(['\n', '\n', '\r\n']),
      comments: random() < 0.3,
      pieceBytes: oneOf([1_000_000, 1_000, 100, 37]),
    },
    reader: oneOf(Object.keys(readers) as (keyof typeof readers)[]),
    text: texts.join(''),
  };
}

function chunk(delta: object, reason: string | null = null): string {
  return JSON.stringify({
    ...{ id: 'chatcmpl-kept', object: 'chat.completion.chunk', created: 1, model: 'm' },
    choices: [{ index: 0, delta, logprobs: null, finish_reason: reason }],
    ...(reason === null ? {} : { usage: { prompt_tokens: 3, completion_tokens: 5, total_tokens: 8 } }),
  });
}

/** What a form of reading got: the text, and the chunks where it shows them. */
interface Got {
  text: string;
  chunks?: ChatCompletionChunk[];
  error?: unknown;
}

async function collect(stream: AsyncIterable<ChatCompletionChunk>, got: Got): Promise<void> {
  got.chunks = [];
  for await (const one of stream) {
    got.chunks.push(one);
    got.text += one.choices[0]?.delta.content ?? '';
  }
}

const readers = {
  async 'for await'(stream: ChatStream, got: Got) {
    await collect(stream, got);
    expect(await stream.finalText()).toBe(got.text);
  },
  async text(stream: ChatStream, got: Got) {
    for await (const piece of stream.text()) got.text += piece;
  },
  async finalText(stream: ChatStream, got: Got) {
    got.text = await stream.finalText();
  },
  async finalCompletion(stream: ChatStream, got: Got) {
    const completion = await stream.finalCompletion();
    got.text = completion.choices[0]?.message.content ?? '';
    expect(completion.choices[0]?.finish_reason).toBe('stop');
    expect(completion.usage?.total_tokens).toBe(8);
  },
  async tee(stream: ChatStream, got: Got) {
    const [left, right] = stream.tee();
    const other: Got = { text: '' };
    const both = await Promise.allSettled([collect(left, got), collect(right, other)]);
    expect(other).toEqual(got);
    for (const { status } of both) expect(status).toBe(both[0]?.status);
    if (both[0]?.status === 'rejected') throw both[0].reason;
  },
  on(stream: ChatStream, got: Got) {
    return new Promise<void>((resolve, reject) => {
      stream.on('text', (delta) => {
        got.text += delta;
      });
      stream.on('error', reject);
      stream.on('finish', () => resolve());
    });
  },
  async 'for await beside finalMessage'(stream: ChatStream, got: Got) {
    // The promise may reject while the loop is still behind.
    const [message, loop] = await Promise.allSettled([stream.finalMessage(), collect(stream, got)]);
    if (loop.status === 'rejected') throw loop.reason;
    expect(message).toMatchObject({ value: { content: got.text } });
  },
  async toReadableStream(stream: ChatStream, got: Got) {
    const decoder = new TextDecoder();
    let lines = '';
    const body: AsyncIterable<Uint8Array> = stream.toReadableStream() as never;
    for await (const bytes of body) lines += decoder.decode(bytes, { stream: true });
    got.chunks = lines
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as ChatCompletionChunk);
    got.text = got.chunks.map((one) => one.choices[0]?.delta.content ?? '').join('');
  },
};

/** Accidents that no stream survives: it is not whole, and cannot be picked up. Others are healed, where the server keeps streams. */
function codesOf(accidents: readonly Accident[]): readonly string[] {
  return accidents.flatMap((accident) => {
    if (accident.type === 'status' && accident.status < 500 && accident.status !== 429)
      return [accident.code, 'stream_truncated'];
    if (accident.type === 'error-event') return [accident.code];
    return accident.type === 'early-done' || accident.type === 'unnumbered' ? ['stream_truncated'] : [];
  });
}

/** Short, because many plans have a connection that falls silent; a false alarm on a busy machine is one more accident that is healed. */
const options = {
  maxRetries: 8,
  maxReconnects: 40,
  timeouts: { connectMs: 1_000, idleMs: 500 },
};

async function judge(play: Case): Promise<void> {
  const { baseURL, requests } = server.play(play);
  const client = new Tailrace({ baseURL, apiKey: 'key' });
  const got: Got = { text: '' };
  const stream = client.chat.completions.stream({ model: 'm', messages: [] }, options);
  const { error } = await readers[play.reader](stream, got).then(
    () => ({ error: undefined }),
    (thrown: unknown) => ({ error: thrown }),
  );
  expect(
    new Set(requests.filter(({ method }) => method === 'POST').map((one) => one.idempotencyKey)).size,
  ).toBe(1);
  if (error === undefined) {
    expect(got.text).toBe(play.text);
    if (got.chunks !== undefined)
      expect(got.chunks.map((one) => JSON.stringify(one))).toEqual(play.events.slice(0, -1));
    return;
  }
  expect(error).toBeInstanceOf(APIError);
  const { code } = error as APIError;
  const mortal = codesOf(play.accidents);
  if (play.keeps) expect(mortal).toContain(code);
  else expect([...mortal, 'stream_truncated']).toContain(code);
  if (error instanceof StreamTruncatedError) {
    expect(play.text.startsWith(error.text)).toBe(true);
    if (got.chunks !== undefined) expect(error.text).toBe(got.text);
  }
  expect(play.text.startsWith(got.text)).toBe(true);
}

test('a stream that meets accidents comes whole, each chunk once, or ends in the right error', async () => {
  const seeds = Array.from({ length: roundsOf(1_000, 150) }, (_, round) => seedOf() * 10_000 + round);
  const failures: string[] = [];
  const worker = async (): Promise<void> => {
    for (let seed = seeds.shift(); seed !== undefined; seed = seeds.shift()) {
      const play = makeCase(seed);
      await judge(play).catch((error: unknown) => {
        const plan = JSON.stringify(play.accidents);
        failures.push(`seed ${seed}, ${play.reader}, keeps ${play.keeps}, ${plan}: ${String(error)}`);
      });
    }
  };
  await Promise.all(Array.from({ length: 100 }, worker));
  expect(failures).toEqual([]);
}, 120_000);
