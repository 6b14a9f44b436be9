/**
 * The tests that every upstream must pass. The test of an implementation calls `describeUpstream` with a harness that plays the
 * scenarios. A scenario that it cannot play is skipped with the harness's reason, and the report shows it.
 */
import { decodeJsonText } from '@tailrace/protocol';
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest';
import { pullOnce } from '../domain/batches.ts';
import { createEventGrammar } from '../domain/event-grammar.ts';
import { features } from '../domain/requirements.ts';
import type { FinishEvent, StreamEvent } from '../domain/stream-event.ts';
import type { Usage } from '../domain/usage.ts';
import type { EventStream, Upstream, UpstreamCall } from './contract.ts';

/** An upstream under test. */
export interface UpstreamHarness {
  readonly upstream: Upstream;
  /** A call that plays this scenario, the same each time, or the reason why this upstream has none. */
  call(scenario: UpstreamScenario): UpstreamCall | { readonly cannot: string };
  /** Resolves when the upstream holds nothing for any call: no timer, socket, sequence or place in a queue. */
  released(): Promise<void>;
  close(): Promise<void>;
}

/** What a harness plays. */
export const upstreamScenarios = {
  text: 'a few words, whole, always the same',
  'other text': 'a few other words, whole, always the same',
  long: 'more batches than a test pulls (about a hundred)',
  silent: 'nothing comes before the call is aborted',
  stalls: 'a delta, then nothing more before the call is aborted',
  'two choices': 'n = 2, whole',
  reasoning: 'reasoning, then text, whole',
  'other output': 'text, then output that our stream does not name, then text, whole',
  'tool calls': 'at least one tool call, whole',
  'fails at once': 'a failure before any delta',
  'fails midway': 'a failure after a delta',
} as const;

/** The name of a scenario. */
export type UpstreamScenario = keyof typeof upstreamScenarios;

/** A stream that was read to its end and checked against the event grammar. */
export interface ReadStream {
  readonly events: readonly StreamEvent[];
  readonly ended: 'whole' | 'torn' | undefined;
  /** The decoded text of each choice. */
  readonly texts: readonly string[];
  readonly reasoning: readonly string[];
  /** The arguments of every call of every choice, decoded. */
  readonly callArguments: readonly string[];
  readonly usages: readonly Usage[];
  readonly finishes: readonly FinishEvent[];
}

/** Reads a stream to its end. Throws where it breaks the grammar: the adapter must repair such an answer. */
export async function readStream(
  stream: EventStream,
  choices: number,
  pause = async () => {},
): Promise<ReadStream> {
  const grammar = createEventGrammar(choices);
  const events: StreamEvent[] = [];
  for (let read = await pullOnce(stream); read.done !== true; read = await pullOnce(stream)) {
    for (const event of read.value) {
      const problem = grammar.accept(event);
      if (problem !== undefined) throw new Error(`event ${events.length + 1}: ${problem}`);
      events.push(event);
    }
    await pause();
  }
  const joined = (type: 'text-delta' | 'reasoning-delta') =>
    Array.from({ length: choices }, (_, choice) =>
      events
        .flatMap((event) =>
          event.type === type && event.choice === choice ? [decodeJsonText(event.json)] : [],
        )
        .join(''),
    );
  const calls = new Map<string, string>();
  for (const event of events) {
    if (event.type === 'tool-call-start') calls.set(`${event.choice}/${event.index}`, '');
    if (event.type !== 'tool-call-delta') continue;
    const key = `${event.choice}/${event.index}`;
    calls.set(key, calls.get(key) + decodeJsonText(event.json));
  }
  return {
    events,
    ended: grammar.ended,
    texts: joined('text-delta'),
    reasoning: joined('reasoning-delta'),
    callArguments: [...calls.values()],
    usages: events.flatMap((event) => (event.type === 'usage' ? [event.usage] : [])),
    finishes: events.filter((event) => event.type === 'finish'),
  };
}

/** Registers the suite. The harness is made once and closed at the end. */
export function describeUpstream(name: string, makeHarness: () => Promise<UpstreamHarness>): void {
  describe(`the upstream contract: ${name}`, () => {
    let harness: UpstreamHarness;
    beforeAll(async () => {
      harness = await makeHarness();
    });
    afterAll(async () => {
      await harness?.close();
    });

    function callFor(context: TestContext, scenario: UpstreamScenario): UpstreamCall {
      const call = harness.call(scenario);
      if ('cannot' in call) return context.skip(call.cannot);
      return call;
    }

    function open(context: TestContext, scenario: UpstreamScenario) {
      const call = callFor(context, scenario);
      const abort = new AbortController();
      return { call, abort, stream: harness.upstream.open(call, abort.signal) };
    }

    async function read(context: TestContext, scenario: UpstreamScenario, pause?: () => Promise<void>) {
      const { call, stream } = open(context, scenario);
      const result = await readStream(stream, call.request.n, pause);
      // Another pull after the end ends too.
      expect(await pullOnce(stream)).toEqual({ done: true, value: undefined });
      await stream.close();
      await harness.released();
      return result;
    }

    async function expectAborted(stream: EventStream): Promise<void> {
      expect(await pullOnce(stream)).toEqual({ done: true, value: undefined });
      await harness.released();
      await stream.close();
    }

    /** Pulls until an event commits the answer. */
    async function pullDelta(stream: EventStream): Promise<void> {
      for (let pulled = await pullOnce(stream); ; pulled = await pullOnce(stream)) {
        if (pulled.done === true) throw new Error('the stream ended before its first delta');
        if (pulled.value.some((event) => 'json' in event)) return;
      }
    }

    /** Pulls to the end of the stream; only signs of life may come. */
    async function pullSilence(stream: EventStream): Promise<void> {
      for (let pulled = await pullOnce(stream); pulled.done !== true; pulled = await pullOnce(stream)) {
        expect(pulled.value.filter((event) => event.type !== 'start')).toEqual([]);
      }
    }

    describe('declarations', () => {
      test('capabilities are a set of known features', (context) => {
        const capabilities = harness.upstream.capabilities(callFor(context, 'text').model);
        expect(capabilities).toBeInstanceOf(Set);
        expect([...capabilities].filter((feature) => !features.includes(feature))).toEqual([]);
      });

      test('the context length is a number of tokens or unknown', (context) => {
        const length = harness.upstream.contextLength(callFor(context, 'text').model);
        expect(length === undefined || (Number.isSafeInteger(length) && length > 0)).toBe(true);
      });
    });

    describe('refusals before the call', () => {
      test('a request that can be asked is not refused, at repeated calls too', (context) => {
        const { refuses } = harness.upstream;
        if (refuses === undefined) return context.skip('it declares no refusals');
        for (const scenario of ['text', 'long', 'two choices', 'reasoning', 'tool calls'] as const) {
          const call = harness.call(scenario);
          if ('cannot' in call) continue;
          expect(refuses(call.request, call.model)).toBeUndefined();
          expect(refuses(call.request, call.model)).toBeUndefined();
        }
      });
    });

    describe('whole streams', () => {
      test.for(['text', 'long', 'two choices', 'reasoning', 'other output', 'tool calls'] as const)(
        '%s: every choice finishes, and usage comes once, before the last finish',
        async (scenario, context) => {
          const result = await read(context, scenario);
          expect(result.ended).toBe('whole');
          expect(result.usages.length).toBe(1);
          expect(result.usages[0]?.promptTokens).toBeGreaterThan(0);
          expect(result.usages[0]?.completionTokens).toBeGreaterThan(0);
        },
      );

      test('text is text', async (context) => {
        const { texts } = await read(context, 'text');
        expect(texts[0]).not.toBe('');
      });

      test('each of two choices has text', async (context) => {
        const { texts } = await read(context, 'two choices');
        expect(texts.map((text) => text !== '')).toEqual([true, true]);
      });

      test('reasoning and text have each their events, in the order of the answer', async (context) => {
        const { events, reasoning, texts } = await read(context, 'reasoning');
        expect(reasoning[0]).not.toBe('');
        expect(texts[0]).not.toBe('');
        const first = events.find(({ type }) => type === 'text-delta' || type === 'reasoning-delta');
        expect(first?.type).toBe('reasoning-delta');
      });

      test('other output keeps its place and its field', async (context) => {
        const { events, texts } = await read(context, 'other output');
        const other = events.findIndex(({ type }) => type === 'other-delta');
        const texted = events.flatMap(({ type }, at) => (type === 'text-delta' ? [at] : []));
        expect(texts[0]).not.toBe('');
        expect(texted.some((at) => at < other)).toBe(true);
        expect(texted.some((at) => at > other)).toBe(true);
        const event = events[other];
        if (event?.type !== 'other-delta') throw new Error('there is none');
        expect(event.field).not.toBe('');
        expect(event.value).toMatch(/^[\x20-\x7e]+$/);
        expect(() => JSON.parse(event.value)).not.toThrow();
      });

      test('the arguments of every tool call are JSON together, and the finish reason is tool_calls', async (context) => {
        const { callArguments, finishes } = await read(context, 'tool calls');
        expect(callArguments.length).toBeGreaterThan(0);
        for (const text of callArguments) expect(() => JSON.parse(text)).not.toThrow();
        expect(finishes.map((finish) => finish.reason)).toEqual(['tool_calls']);
      });
    });

    describe('back-pressure and other streams', () => {
      test('a slow puller loses nothing', async (context) => {
        const fast = await read(context, 'text');
        const slow = await read(context, 'text', () => new Promise((resolve) => setImmediate(resolve)));
        expect(slow.texts).toEqual(fast.texts);
        expect(slow.ended).toBe('whole');
      });

      test('two streams at once do not mix', async (context) => {
        const alone = [await read(context, 'text'), await read(context, 'other text')];
        const pair = [open(context, 'text'), open(context, 'other text')];
        const together = await Promise.all(
          pair.map(({ stream, call }) => readStream(stream, call.request.n)),
        );
        expect(together.map(({ texts }) => texts)).toEqual(alone.map(({ texts }) => texts));
        expect(alone[0]?.texts).not.toEqual(alone[1]?.texts);
        await harness.released();
      });
    });

    describe('failures', () => {
      test('a failure at once is an event, not a rejection, and the last event', async (context) => {
        const { events, ended } = await read(context, 'fails at once');
        expect(ended).toBe('torn');
        expect(events.filter((event) => event.type !== 'start').map((event) => event.type)).toEqual([
          'failed',
        ]);
      });

      test('a failure midway comes after the text', async (context) => {
        const { events, ended, texts } = await read(context, 'fails midway');
        expect(ended).toBe('torn');
        expect(events.at(-1)?.type).toBe('failed');
        expect(texts.join('')).not.toBe('');
      });

      test('a failure has a message for the client, without addresses', async (context) => {
        const { events } = await read(context, 'fails at once');
        const message = events.flatMap((event) =>
          event.type === 'failed' ? [event.failure.message] : [],
        )[0];
        expect(message).not.toBe('');
        expect(message).not.toMatch(/:\/\/|\d+\.\d+\.\d+\.\d+/);
      });
    });

    describe('aborting', () => {
      test('before the call: no event, everything released', async (context) => {
        await expectAborted(harness.upstream.open(callFor(context, 'text'), AbortSignal.abort()));
      });

      test('before the first pull: no event, everything released', async (context) => {
        const { stream, abort } = open(context, 'text');
        abort.abort();
        await expectAborted(stream);
      });

      test('while a pull waits for the first event', async (context) => {
        const { stream, abort } = open(context, 'silent');
        const silence = pullSilence(stream);
        await new Promise((resolve) => setImmediate(resolve));
        abort.abort();
        await silence;
        await expectAborted(stream);
      });

      test('between two pulls: events that have come are dropped', async (context) => {
        const { stream, abort } = open(context, 'long');
        await pullDelta(stream);
        abort.abort();
        await expectAborted(stream);
      });

      test('while a pull waits for a later event', async (context) => {
        const { stream, abort } = open(context, 'stalls');
        await pullDelta(stream);
        const silence = pullSilence(stream);
        await new Promise((resolve) => setImmediate(resolve));
        abort.abort();
        await silence;
        await expectAborted(stream);
      });

      test('after the end it changes nothing', async (context) => {
        const { stream, abort, call } = open(context, 'text');
        expect((await readStream(stream, call.request.n)).ended).toBe('whole');
        abort.abort();
        await expectAborted(stream);
      });

      test('one stream does not change another', async (context) => {
        const doomed = open(context, 'long');
        const kept = open(context, 'other text');
        await pullDelta(doomed.stream);
        doomed.abort.abort();
        expect((await readStream(kept.stream, kept.call.request.n)).ended).toBe('whole');
        await expectAborted(doomed.stream);
      });
    });

    describe('closing', () => {
      test('before the first pull, twice', async (context) => {
        const { stream } = open(context, 'text');
        await stream.close();
        await stream.close();
        await expectAborted(stream);
      });

      test('in mid-stream, twice', async (context) => {
        const { stream } = open(context, 'long');
        await pullDelta(stream);
        await Promise.all([stream.close(), stream.close()]);
        await expectAborted(stream);
      });

      test('while a pull waits: the pull ends too', async (context) => {
        const { stream } = open(context, 'stalls');
        await pullDelta(stream);
        const silence = pullSilence(stream);
        await stream.close();
        await silence;
        await harness.released();
      });

      test('after the end', async (context) => {
        const { stream, call } = open(context, 'text');
        await readStream(stream, call.request.n);
        await stream.close();
        await harness.released();
      });
    });
  });
}
