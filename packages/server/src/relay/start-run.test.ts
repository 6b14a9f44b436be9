import { checkStream, type JsonText, jsonText } from '@tailrace/protocol';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { failure } from '../domain/failure.ts';
import type { EventBatch, StreamEvent } from '../domain/stream-event.ts';
import { createMemoryJournal } from '../journal/memory/memory-journal.ts';
import { factsOf } from '../journal/testing/stream-followers.ts';
import { createTimerQueue, type TimerQueue } from '../timers/timer-queue.ts';
import type { EventStream } from '../upstreams/contract.ts';
import { fakeEventStream } from '../upstreams/fake-event-stream.ts';
import { createChatSurface } from '../wire/chat/surface.ts';
import { createFakeReader } from './fake-reader.ts';
import { followStream } from './follower.ts';
import type { Reader } from './reader.ts';
import { createRunRegistry } from './run-registry.ts';
import { type KeptRun, startRun } from './start-run.ts';

const text = (words: string): StreamEvent => ({ type: 'text-delta', choice: 0, json: jsonText(words) });
const ending: EventBatch = [
  { type: 'usage', usage: { promptTokens: 1, completionTokens: 2 } },
  { type: 'finish', choice: 0, reason: 'stop' },
];
const begins: StreamEvent = { type: 'start', phases: { queueMs: 12, promptMs: 340 } };
const broken: StreamEvent = { type: 'failed', failure: failure('upstream_cut', 'It broke off.') };

/** A source of these batches, pauses in milliseconds, or errors to throw. */
function events(...steps: (EventBatch | number | Error)[]): EventStream & { closed: number } {
  const left = [...steps];
  const next = async (): Promise<EventBatch | undefined> => {
    for (;;) {
      const step = left.shift();
      if (step === undefined || stream.closed > 0) return undefined;
      if (step instanceof Error) throw step;
      if (typeof step !== 'number') return step;
      await new Promise((resolve) => setTimeout(resolve, step));
    }
  };
  const stream = Object.assign(
    fakeEventStream(next, () => {
      stream.closed += 1;
    }),
    { closed: 0 },
  );
  return stream;
}

const runs = createRunRegistry();
let timers: TimerQueue;
/** The status of each run that has called `ended`. */
let ended: string[] = [];
/** What `ended` returns. */
let settling: () => Promise<void> | undefined = () => undefined;

interface Asks {
  readonly stream?: boolean;
  readonly json?: boolean;
  readonly kept?: KeptRun;
  readonly onOpen?: (signal: AbortSignal) => void;
}

/** A run of the chat surface over these events. */
function start(source: EventStream, { stream = true, json = false, kept, onOpen }: Asks = {}) {
  const surface = createChatSurface({ usageChunk: 'inline' });
  const format = json ? { response_format: { type: 'json_object' } } : {};
  const body = { model: 'm', messages: [{ role: 'user', content: 'Hi' }], stream, ...format };
  const asked = surface.decode(body, {});
  if (!asked.ok) throw new Error(asked.failure.message);
  const served = { target: 'lab/m' };
  return startRun(
    { runs, timers, clock: () => 1_000 },
    {
      id: surface.newId(),
      surface,
      asked: asked.value,
      requestId: 'req_1',
      keyId: 'k',
      owner: 'o',
      kept,
      totalMs: 60_000,
      keepContent: false,
      onEnded: ({ status }) => {
        ended.push(status);
        return settling();
      },
      open: (signal) => {
        onOpen?.(signal);
        return Object.assign(source, {
          served: () => served,
          target: () => served.target,
          attempts: () => [],
          promptTokens: () => 11,
          completionTokens: () => 1,
          completionIsCounted: () => false,
          reported: () => undefined,
        });
      },
    },
  );
}

/** Starts a run over this source and attaches the reader; resolves with the outcome. */
async function relay(source: EventStream, reader: Reader, asks: Asks = {}) {
  const run = start(source, asks);
  run.attach(reader);
  return await run.outcome;
}

beforeEach(() => {
  vi.useFakeTimers();
  timers = createTimerQueue(() => performance.now());
  ended = [];
  settling = () => undefined;
});
afterEach(() => void vi.useRealTimers());

describe('a relayed stream', () => {
  it('arrives whole: role, deltas, finish with usage, [DONE] with the end', async () => {
    const { reader, body, state } = createFakeReader();
    const stream = events([text('Hel')], [text('lo')], ending);
    const outcome = await relay(stream, reader);
    expect(outcome).toMatchObject({ status: 'completed', usage: { completionTokens: 2 } });
    expect(checkStream(body())).toMatchObject({ violations: [], summary: { complete: true } });
    expect(state.ending).toBe('whole');
    expect(stream.closed).toBeGreaterThan(0);
  });

  it('has the times of its target in the head, where that tells them', async () => {
    const { reader, state } = createFakeReader();
    await relay(events([begins], [text('a')], ending), reader);
    expect(state.head?.phases).toEqual({ queueMs: 12, promptMs: 340 });
    const silent = createFakeReader();
    await relay(events([{ type: 'start' }], [text('a')], ending), silent.reader);
    expect(silent.state.head?.phases).toBeUndefined();
  });

  it('writes nothing when it fails before the commit', async () => {
    const { reader, events: payloads, state } = createFakeReader();
    const outcome = await relay(events([{ type: 'start' }], [broken]), reader);
    expect(outcome).toMatchObject({ status: 'failed', failure: { code: 'upstream_cut' } });
    expect(state).toMatchObject({ head: undefined, ending: 'failed', code: 'upstream_cut' });
    expect(payloads).toEqual([]);
  });

  it('ends in the error event when it fails after it, without finish and [DONE]', async () => {
    const { reader, body, state } = createFakeReader();
    const outcome = await relay(events([text('Half'), broken]), reader);
    expect(outcome.status).toBe('cut');
    expect(state.ending).toBe('failed');
    const { violations, summary } = checkStream(body());
    expect(violations).toEqual([]);
    expect(summary).toMatchObject({ complete: false, error: { code: 'upstream_cut', requestId: 'req_1' } });
  });

  it('estimates a usage where the target reports none', async () => {
    const { reader, body } = createFakeReader();
    const finish: EventBatch = [{ type: 'finish', choice: 0, reason: 'stop' }];
    const outcome = await relay(events([text('a')], finish), reader);
    expect(outcome.usage).toEqual({ promptTokens: 11, completionTokens: 1, estimated: true });
    expect(checkStream(body()).violations).toEqual([]);
  });

  it('ends in the error event when the arguments of a call are not JSON', async () => {
    const { reader, body } = createFakeReader();
    const call: EventBatch = [
      { type: 'tool-call-start', choice: 0, index: 0, id: 'c', name: 'f' },
      { type: 'tool-call-delta', choice: 0, index: 0, json: jsonText('{"a":') },
    ];
    const finish: EventBatch = [{ type: 'finish', choice: 0, reason: 'tool_calls' }];
    expect(await relay(events(call, finish), reader)).toMatchObject({
      status: 'cut',
      failure: { code: 'upstream_protocol' },
    });
    expect(body().toString()).not.toContain('finish_reason":"');
    const cut: EventBatch = [{ type: 'finish', choice: 0, reason: 'length' }];
    expect((await relay(events(call, cut), createFakeReader().reader)).status).toBe('completed');
  });

  it('ends in the error event when the answer is not JSON although response_format asks for it', async () => {
    const { reader, body } = createFakeReader();
    const torn = await relay(events([text('{"a":')], ending), reader, { json: true });
    expect(torn).toMatchObject({ status: 'cut', failure: { code: 'upstream_protocol' } });
    expect(body().toString()).not.toContain('[DONE]');
    const good = events([text('{"a":'), text('1}')], ending);
    expect((await relay(good, createFakeReader().reader, { json: true })).status).toBe('completed');
  });

  it('repairs nothing: what an adapter should have repaired ends in the error event', async () => {
    const call: StreamEvent = { type: 'tool-call-start', choice: 0, index: 0, id: 'c', name: 'f' };
    const piece: StreamEvent = { type: 'tool-call-delta', choice: 0, index: 0, json: jsonText('{}') };
    const clash: StreamEvent = { type: 'other-delta', choice: 0, field: 'content', value: '"b"' };
    const half: StreamEvent = { type: 'text-delta', choice: 0, json: '\\ud83d' as JsonText };
    for (const wrong of [[clash], [call], [call, piece], [half], [text('')]]) {
      const { reader, body } = createFakeReader();
      const outcome = await relay(events([text('a'), ...wrong], ending), reader);
      expect(outcome).toMatchObject({ status: 'cut', failure: { code: 'upstream_protocol' } });
      const { violations, summary } = checkStream(body());
      expect([violations, summary.choices[0]?.content]).toEqual([[], 'a']);
    }
  });

  it('treats an end without a finish as a cut', async () => {
    const { reader, state } = createFakeReader();
    const outcome = await relay(events([text('Half')]), reader);
    expect(outcome).toMatchObject({ status: 'cut', failure: { code: 'upstream_cut' } });
    expect(state.ending).toBe('failed');
  });

  it('never forwards an event out of order', async () => {
    const { reader, body } = createFakeReader();
    const twice: StreamEvent = { type: 'start' };
    const outcome = await relay(events([text('a')], [twice]), reader);
    expect(outcome).toMatchObject({ status: 'cut', failure: { code: 'upstream_protocol' } });
    expect(body().toString()).not.toContain('[DONE]');
  });

  it('turns a bug in the source into an error event, and keeps its cause for the log', async () => {
    const { reader, body } = createFakeReader();
    const outcome = await relay(events([text('a')], new Error('secret detail')), reader);
    expect(outcome.failure).toMatchObject({ code: 'internal_error' });
    expect(outcome.failure?.detail).toMatch(/^Error\n {4}at .*start-run\.test\.ts/);
    expect(outcome.failure?.wording).toBe('secret detail');
    expect(body().toString()).not.toContain('secret detail');
  });

  it('waits for a slow reader and merges the rest of the batch', async () => {
    const { reader, events: payloads, unblock, body } = createFakeReader(2);
    const done = relay(events([text('a'), text('b'), text('c')], ending), reader);
    await vi.advanceTimersByTimeAsync(0);
    expect(payloads).toHaveLength(2);
    unblock();
    await vi.advanceTimersByTimeAsync(0);
    expect(payloads).toHaveLength(3);
    expect(payloads[2]).toContain('"content":"bc"');
    unblock();
    await vi.advanceTimersByTimeAsync(0);
    unblock();
    expect((await done).status).toBe('completed');
    expect(checkStream(body()).summary.choices[0]?.content).toBe('abc');
  });

  it('stops when its reader has gone', async () => {
    const { reader, state } = createFakeReader();
    const source = events([text('a')], 1_000, [text('b')], ending);
    const run = start(source);
    const attachment = run.attach(reader);
    await vi.advanceTimersByTimeAsync(10);
    attachment.detach();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await run.outcome).toMatchObject({ status: 'abandoned' });
    expect(state.ending).toBe('abandoned');
    expect(source.closed).toBeGreaterThan(0);
  });

  it('is not aborted where its reader leaves behind the end of its answer', async () => {
    let aborted = false;
    const source = events([text('Hello')], ending);
    const run = start(source, {
      onOpen: (signal) => {
        signal.onabort = () => {
          aborted = true;
        };
      },
    });
    const fake = createFakeReader();
    const { detach } = run.attach({
      ...fake.reader,
      end: (payload) => {
        fake.reader.end(payload);
        queueMicrotask(() => detach());
      },
    });
    expect((await run.outcome).status).toBe('completed');
    expect({ aborted, closed: source.closed }).toEqual({ aborted: false, closed: 1 });
  });

  it('is stopped at its total deadline', async () => {
    const { reader, state } = createFakeReader();
    const done = relay(events([text('a')], 61_000, ending), reader);
    await vi.advanceTimersByTimeAsync(61_000);
    expect(await done).toMatchObject({ status: 'cut', failure: { code: 'deadline_exceeded' } });
    expect(state.ending).toBe('failed');
  });

  it('refuses a second reader', () => {
    const run = start(events(ending));
    run.attach(createFakeReader().reader);
    expect(() => run.attach(createFakeReader().reader)).toThrow('takes one reader');
  });

  it('calls ended once, also where it is stopped before its reader comes', async () => {
    await relay(events([text('a')], ending), createFakeReader().reader);
    expect(ended).toEqual(['completed']);
    const source = events([text('a')], ending);
    const run = start(source);
    run.stop({ type: 'client-gone' });
    run.stop({ type: 'cancelled' });
    expect(await run.outcome).toMatchObject({ status: 'abandoned' });
    expect(ended).toEqual(['completed', 'abandoned']);
    expect([runs.size, source.closed]).toEqual([0, 1]);
  });

  it('ends a reader that comes after the stop, with the failure where there is one', async () => {
    for (const [type, ending] of [
      ['cancelled', 'failed'],
      ['grace-over', 'failed'],
      ['client-gone', 'abandoned'],
    ] as const) {
      const run = start(events([text('a')], ending === 'failed' ? 1 : 2));
      run.stop({ type });
      const { reader, state } = createFakeReader();
      run.attach(reader).detach();
      await run.outcome;
      expect(state).toMatchObject({ head: undefined, ending });
    }
  });

  it('estimates the usage of an answer that is cut or cancelled', async () => {
    const cut = await relay(events([text('a')], [text('b'), broken]), createFakeReader().reader);
    expect(cut).toMatchObject({ status: 'cut', usage: { promptTokens: 11, estimated: true } });
    const run = start(events([text('a')], 1_000, ending));
    run.attach(createFakeReader().reader);
    await vi.advanceTimersByTimeAsync(10);
    run.stop({ type: 'cancelled' });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await run.outcome).toMatchObject({ status: 'cancelled', usage: { estimated: true } });
    const early = await relay(events([broken]), createFakeReader().reader);
    expect(early.usage).toBeUndefined();
  });

  it('stays in the registry until ended resolves', async () => {
    settling = () => new Promise((resolve) => setTimeout(resolve, 100));
    const { reader, state } = createFakeReader();
    const run = start(events([text('a')], ending));
    run.attach(reader);
    await vi.advanceTimersByTimeAsync(99);
    expect([state.ending, runs.size]).toEqual(['whole', 1]);
    await vi.advanceTimersByTimeAsync(1);
    expect(await run.outcome).toMatchObject({ status: 'completed' });
    expect(runs.size).toBe(0);
  });

  it('keeps its status where ended has a bug', async () => {
    settling = () => {
      throw new Error('a bug in the ledger');
    };
    const { reader, state } = createFakeReader();
    const outcome = await relay(events([text('a')], ending), reader);
    expect(outcome).toMatchObject({ status: 'completed', failure: { code: 'internal_error' } });
    expect([state.ending, runs.size]).toEqual(['whole', 0]);
  });
});

describe('an answer that does not stream', () => {
  it('is one body after a head that names its target and its times', async () => {
    const { reader, events: payloads, state } = createFakeReader();
    const outcome = await relay(events([begins, text('Hel')], [text('lo')], ending), reader, {
      stream: false,
    });
    expect(outcome).toMatchObject({ status: 'completed', target: 'lab/m' });
    expect(payloads.map((body) => JSON.parse(body) as unknown)).toMatchObject([
      { object: 'chat.completion', choices: [{ message: { content: 'Hello' } }] },
    ]);
    expect(state).toMatchObject({
      ending: 'whole',
      head: { target: 'lab/m', phases: { queueMs: 12, promptMs: 340 } },
    });
  });

  const page = text('x'.repeat(1024 * 1024));

  it('fails where it exceeds the bound, whether or not the batch that exceeds it holds the finish', async () => {
    const pages = Array.from({ length: 33 }, () => page);
    for (const batches of [[[...pages, ...ending]], [pages, [page], ending]]) {
      const { reader, events: payloads, state } = createFakeReader();
      const outcome = await relay(events(...batches), reader, { stream: false });
      expect(outcome).toMatchObject({ status: 'failed', failure: { code: 'upstream_protocol' } });
      expect(payloads).toEqual([]);
      expect(state.ending).toBe('failed');
    }
  });

  it('has failed, and is not cut, where it breaks off: the client has received nothing of it', async () => {
    const { reader } = createFakeReader();
    const outcome = await relay(events([text('Half')]), reader, { stream: false });
    expect(outcome).toMatchObject({ status: 'failed', failure: { code: 'upstream_cut' } });
    expect(outcome.usage).toBeUndefined();
  });
});

describe('a run that outlives its readers', () => {
  const graceMs = 30_000;

  /** A run over these events whose stream is kept. */
  async function startKept(source: EventStream, stream = true) {
    const limits = { retentionMs: 600_000, perStreamBytes: 1_000_000, totalBytes: 1_000_000 };
    const begun = await createMemoryJournal({ limits: () => limits, timers }).begin(factsOf({ stream }));
    if (begun.type !== 'begun') throw new Error(begun.type);
    const run = start(source, { stream, kept: { writer: begun.writer, graceMs } });
    const follow = (reader: Reader, after = 0) =>
      followStream(begun.writer.view, reader, { after, own: false, errorEvent: ({ code }) => code });
    return { run, follow };
  }

  it('runs without a reader, and each reader gets the whole answer at its own pace', async () => {
    const { run, follow } = await startKept(events([text('a')], 10, [text('b')], 10, [text('c')], ending));
    await vi.advanceTimersByTimeAsync(5);
    const quick = createFakeReader();
    const slow = createFakeReader(2);
    run.attach(quick.reader);
    follow(slow.reader);
    await vi.advanceTimersByTimeAsync(20);
    expect(await run.outcome).toMatchObject({ status: 'completed' });
    expect(quick.state.ending).toBe('whole');
    expect(slow.events).toHaveLength(2);
    while (slow.state.ending === undefined) {
      slow.unblock();
      await vi.advanceTimersByTimeAsync(0);
    }
    const late = createFakeReader();
    follow(late.reader);
    expect(slow.events).toEqual(quick.events);
    expect(late.events).toEqual(quick.events);
    for (let after = 0; after < quick.events.length; after += 1) {
      const back = createFakeReader();
      follow(back.reader, after);
      expect(back.events).toEqual(quick.events.slice(after));
    }
    expect(checkStream(quick.body())).toMatchObject({ violations: [], summary: { complete: true } });
  });

  it('ends each of its readers when it is stopped, a slow one after the payloads that it had still to read', async () => {
    const { run, follow } = await startKept(events([text('a')], [text('b')], 1_000, ending));
    const [quick, slow] = [createFakeReader(), createFakeReader(1)];
    run.attach(quick.reader);
    follow(slow.reader);
    await vi.advanceTimersByTimeAsync(5);
    run.stop({ type: 'cancelled' });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await run.outcome).toMatchObject({ status: 'cancelled' });
    expect(quick.state).toMatchObject({ ending: 'failed', code: 'completion_cancelled' });
    expect([slow.events.length, slow.state.ending]).toEqual([1, undefined]);
    while (slow.state.ending === undefined) {
      slow.unblock();
      await vi.advanceTimersByTimeAsync(0);
    }
    expect(slow.events).toEqual(quick.events);
    expect(checkStream(slow.body()).summary.error).toMatchObject({ code: 'completion_cancelled' });
  });

  it('continues while it has readers, however long, and while they come back within the grace time', async () => {
    const { run, follow } = await startKept(events([text('a')], 27_500, [text('b')], 27_500, ending));
    const first = run.attach(createFakeReader().reader);
    await vi.advanceTimersByTimeAsync(20_000);
    first.detach();
    await vi.advanceTimersByTimeAsync(29_000);
    const back = createFakeReader();
    follow(back.reader);
    await vi.advanceTimersByTimeAsync(40_000);
    expect(await run.outcome).toMatchObject({ status: 'completed' });
    expect(checkStream(back.body()).summary).toMatchObject({ complete: true });
  });

  it('stops when no reader comes back, and a late reader learns why', async () => {
    const source = events([text('a')], 50_000, [text('b')], ending);
    const { run, follow } = await startKept(source);
    const left = createFakeReader();
    const attachment = run.attach(left.reader);
    await vi.advanceTimersByTimeAsync(1_000);
    attachment.detach();
    expect([await attachment.ended, left.state.ending]).toEqual(['gone', 'abandoned']);
    await vi.advanceTimersByTimeAsync(29_000);
    expect(runs.size).toBe(1);
    await vi.advanceTimersByTimeAsync(21_000);
    expect(await run.outcome).toMatchObject({ status: 'abandoned' });
    expect([source.closed > 0, runs.size]).toEqual([true, 0]);
    const late = createFakeReader();
    follow(late.reader);
    expect(checkStream(late.body()).summary.error).toMatchObject({ code: 'completion_cancelled' });
  });

  it('without output is not kept when no reader comes back', async () => {
    const { run, follow } = await startKept(events(50_000, [text('a')], ending));
    run.attach(createFakeReader().reader).detach();
    await vi.advanceTimersByTimeAsync(30_001);
    const late = createFakeReader();
    follow(late.reader);
    // The run has not ended yet: its source is still being closed.
    expect(late.state).toMatchObject({ head: undefined, ending: 'failed', code: 'completion_cancelled' });
    await vi.advanceTimersByTimeAsync(30_000);
    expect(await run.outcome).toMatchObject({ status: 'abandoned' });
  });

  it('fails before its commit for every reader', async () => {
    const { run, follow } = await startKept(events(10, [broken]));
    const [own, other] = [createFakeReader(), createFakeReader()];
    run.attach(own.reader);
    follow(other.reader);
    await vi.advanceTimersByTimeAsync(20);
    expect((await run.outcome).status).toBe('failed');
    for (const { state, events: payloads } of [own, other]) {
      expect(state).toMatchObject({ head: undefined, ending: 'failed', code: 'upstream_cut' });
      expect(payloads).toEqual([]);
    }
  });

  it('keeps the times of its target for the head of each reader', async () => {
    const { run, follow } = await startKept(events([begins], [text('a')], ending));
    const [own, late] = [createFakeReader(), createFakeReader()];
    run.attach(own.reader);
    await run.outcome;
    follow(late.reader);
    for (const { state } of [own, late])
      expect(state.head).toMatchObject({ target: 'lab/m', phases: { queueMs: 12, promptMs: 340 } });
  });

  it('keeps an answer of one body', async () => {
    const { run, follow } = await startKept(events([text('a')], 10, ending), false);
    const [own, late] = [createFakeReader(), createFakeReader()];
    run.attach(own.reader);
    await vi.advanceTimersByTimeAsync(20);
    await run.outcome;
    follow(late.reader);
    expect(own.events).toHaveLength(1);
    expect(late.events).toEqual(own.events);
    expect(JSON.parse(own.events[0] ?? '')).toMatchObject({ choices: [{ message: { content: 'a' } }] });
  });
});

describe('the run registry', () => {
  it('holds a run from its start to its end, and is idle after the last one', async () => {
    const run = start(events([text('a')], 100, ending));
    run.attach(createFakeReader().reader);
    expect(runs.get(run.id)).toBe(run);
    let idle = false;
    void runs.idle().then(() => {
      idle = true;
    });
    await vi.advanceTimersByTimeAsync(50);
    expect([runs.size, idle]).toEqual([1, false]);
    await vi.advanceTimersByTimeAsync(50);
    await run.outcome;
    await vi.advanceTimersByTimeAsync(0);
    expect([runs.size, idle]).toEqual([0, true]);
  });
});
