import { checkStream, jsonText } from '@tailrace/protocol';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { failure } from '../domain/failure.ts';
import type { EventBatch, StreamEvent } from '../domain/stream-event.ts';
import type { EventStream } from '../upstreams/contract.ts';
import { createChunkEncoder } from '../wire/chat/chunk-encoder.ts';
import { relayStream, type StreamJob } from './relay-stream.ts';
import { createRunRegistry } from './run-registry.ts';
import type { Sink } from './sink.ts';

const text = (words: string): StreamEvent => ({ type: 'text-delta', choice: 0, json: jsonText(words) });
const ending: EventBatch = [
  { type: 'usage', usage: { promptTokens: 1, completionTokens: 2 } },
  { type: 'finish', choice: 0, reason: 'stop' },
];
const broken: StreamEvent = { type: 'failed', failure: failure('upstream_cut', 'It broke off.') };

/** Batches, pauses in milliseconds, or an error to throw. */
function events(...steps: (EventBatch | number | Error)[]): EventStream & { returned: number } {
  const left = [...steps];
  const stream = {
    returned: 0,
    next: async (): Promise<IteratorResult<EventBatch, undefined>> => {
      for (;;) {
        const step = left.shift();
        if (step === undefined || stream.returned > 0) return { done: true, value: undefined };
        if (step instanceof Error) throw step;
        if (typeof step !== 'number') return { done: false, value: step };
        await new Promise((resolve) => setTimeout(resolve, step));
      }
    },
    return: async (): Promise<IteratorResult<EventBatch, undefined>> => {
      stream.returned += 1;
      return { done: true, value: undefined };
    },
  };
  return stream;
}

/** A sink that keeps what it is given; `blockAfter` writes it asks for a pause until `unblock`. */
function arraySink(blockAfter = Number.POSITIVE_INFINITY) {
  const frames: string[] = [];
  let opened = false;
  let unblock = () => {};
  const state = { ending: undefined as 'whole' | 'torn' | undefined };
  const sink: Sink = {
    get opened() {
      return opened;
    },
    open: () => {
      opened = true;
    },
    write: (frame) => frames.push(frame) < blockAfter,
    drained: () =>
      new Promise((resolve) => {
        unblock = () => resolve();
      }),
    finish: (frame) => {
      frames.push(frame);
      state.ending = 'whole';
    },
    tear: (frame) => {
      frames.push(frame);
      state.ending = 'torn';
    },
  };
  return { sink, frames, state, unblock: () => unblock(), body: () => frames.join('') };
}

const runs = createRunRegistry(() => 0);
const newRun = () =>
  runs.start({ id: 'chatcmpl-1', requestId: 'req_1', keyId: 'k', model: 'm', stream: true, totalMs: 60_000 });

function job(stream: EventStream, sink: Sink, settings: Partial<StreamJob['settings']> = {}): StreamJob {
  return {
    run: newRun(),
    events: stream,
    rules: { choices: 1, json: false, promptTokens: () => 11 },
    sink,
    transcript: undefined,
    settings: { keepalive: 'comment', keepaliveAfterMs: 10_000, holdHeadMs: 8_000, ...settings },
    createEncoder: () =>
      createChunkEncoder({ id: 'chatcmpl-1', created: 1, model: 'm', fingerprint: 'fp' }, 1, 'inline'),
    now: () => performance.now(),
  };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('a relayed stream', () => {
  it('arrives whole: role, deltas, finish with usage, [DONE] with the end', async () => {
    const { sink, body, state } = arraySink();
    const stream = events([text('Hel')], [text('lo')], ending);
    const outcome = await relayStream(job(stream, sink));
    expect(outcome).toMatchObject({ status: 'completed', usage: { completionTokens: 2 } });
    expect(checkStream(Buffer.from(body()))).toMatchObject({ violations: [], summary: { complete: true } });
    expect(state.ending).toBe('whole');
    expect(stream.returned).toBeGreaterThan(0);
  });

  it('writes nothing when it fails before the commit', async () => {
    const { sink, frames } = arraySink();
    const outcome = await relayStream(job(events([{ type: 'start' }], [broken]), sink));
    expect(outcome).toMatchObject({ status: 'failed', failure: { code: 'upstream_cut' } });
    expect(sink.opened).toBe(false);
    expect(frames).toEqual([]);
  });

  it('ends in the error event when it fails after it, without finish and [DONE]', async () => {
    const { sink, body, state } = arraySink();
    const outcome = await relayStream(job(events([text('Half'), broken]), sink));
    expect(outcome.status).toBe('cut');
    expect(state.ending).toBe('torn');
    const { violations, summary } = checkStream(Buffer.from(body()));
    expect(violations).toEqual([]);
    expect(summary).toMatchObject({ complete: false, error: { code: 'upstream_cut', requestId: 'req_1' } });
  });

  it('drops deltas that say nothing, and estimates a usage that nobody told', async () => {
    const { sink, body } = arraySink();
    const finish: EventBatch = [{ type: 'finish', choice: 0, reason: 'stop' }];
    const outcome = await relayStream(job(events([text(''), text('a'), text('')], finish), sink));
    expect(outcome.usage).toEqual({ promptTokens: 11, completionTokens: 1, estimated: true });
    expect(checkStream(Buffer.from(body())).violations).toEqual([]);
  });

  it('ends in the error event when the arguments of a call do not join to JSON', async () => {
    const { sink, body } = arraySink();
    const call: EventBatch = [
      { type: 'tool-call-start', choice: 0, index: 0, id: 'c', name: 'f' },
      { type: 'tool-call-delta', choice: 0, index: 0, json: jsonText('{"a":') },
    ];
    const finish: EventBatch = [{ type: 'finish', choice: 0, reason: 'tool_calls' }];
    expect(await relayStream(job(events(call, finish), sink))).toMatchObject({
      status: 'cut',
      failure: { code: 'upstream_protocol' },
    });
    expect(body()).not.toContain('finish_reason":"');
    const cut: EventBatch = [{ type: 'finish', choice: 0, reason: 'length' }];
    expect((await relayStream(job(events(call, cut), arraySink().sink))).status).toBe('completed');
  });

  it('ends in the error event when the answer is not the JSON that was asked for', async () => {
    const asked = { rules: { choices: 1, json: true, promptTokens: () => 1 } };
    const torn = arraySink();
    const bad = { ...job(events([text('{"a":')], ending), torn.sink), ...asked };
    expect(await relayStream(bad)).toMatchObject({ status: 'cut', failure: { code: 'upstream_protocol' } });
    expect(torn.body()).not.toContain('[DONE]');
    const good = { ...job(events([text('{"a":'), text('1}')], ending), arraySink().sink), ...asked };
    expect((await relayStream(good)).status).toBe('completed');
  });

  it('puts right what targets say in odd ways: stop after calls, no arguments, thoughts behind the answer', async () => {
    const { sink, body } = arraySink();
    const call: StreamEvent = { type: 'tool-call-start', choice: 0, index: 0, id: 'c', name: 'f' };
    const late: StreamEvent = { type: 'reasoning-delta', choice: 0, json: jsonText('hm') };
    expect((await relayStream(job(events([text('a'), late, call], ending), sink))).status).toBe('completed');
    const { violations, summary } = checkStream(Buffer.from(body()));
    expect(violations).toEqual([]);
    expect(summary.choices[0]).toMatchObject({
      content: 'a',
      reasoning: '',
      finishReason: 'tool_calls',
      toolCalls: [{ id: 'c', name: 'f', arguments: '{}' }],
    });
  });

  it('takes a polite end without a finish for a cut', async () => {
    const { sink, state } = arraySink();
    const outcome = await relayStream(job(events([text('Half')]), sink));
    expect(outcome).toMatchObject({ status: 'cut', failure: { code: 'upstream_cut' } });
    expect(state.ending).toBe('torn');
  });

  it('never forwards an event out of order', async () => {
    const { sink, body } = arraySink();
    const twice: StreamEvent = { type: 'start' };
    const outcome = await relayStream(job(events([text('a')], [twice]), sink));
    expect(outcome).toMatchObject({ status: 'cut', failure: { code: 'upstream_protocol' } });
    expect(body()).not.toContain('[DONE]');
  });

  it('turns a bug on the way into an error event, and keeps its cause for the log', async () => {
    const { sink, body } = arraySink();
    const outcome = await relayStream(job(events([text('a')], new Error('secret detail')), sink));
    expect(outcome.failure).toMatchObject({ code: 'internal_error' });
    expect(outcome.failure?.detail).toMatch(/^Error\n {4}at .*relay-stream\.test\.ts/);
    expect(outcome.failure?.wording).toBe('secret detail');
    expect(body()).not.toContain('secret detail');
  });

  it('lets the head go when holding it has lasted long enough, and then fails inside the stream', async () => {
    const { sink, frames, state } = arraySink();
    const done = relayStream(job(events(9_000, [broken]), sink));
    await vi.advanceTimersByTimeAsync(7_999);
    expect(sink.opened).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(sink.opened).toBe(true);
    await vi.advanceTimersByTimeAsync(1_000);
    expect((await done).status).toBe('failed');
    expect(frames).toHaveLength(1);
    expect(state.ending).toBe('torn');
  });

  it('says that it is alive after every ten seconds of silence, with comments', async () => {
    const { sink, frames } = arraySink();
    const done = relayStream(job(events([text('a')], 25_000, [text('b')], ending), sink));
    await vi.advanceTimersByTimeAsync(25_000);
    await done;
    expect(frames.filter((frame) => frame === ': keepalive\n\n')).toHaveLength(2);
  });

  it('says it with empty deltas where that was chosen, but only after the role chunk', async () => {
    const { sink, frames } = arraySink();
    const stream = events(11_000, [text('a')], 11_000, ending);
    const done = relayStream(job(stream, sink, { keepalive: 'chunk' }));
    await vi.advanceTimersByTimeAsync(22_000);
    await done;
    expect(frames[0]).toBe(': keepalive\n\n');
    expect(frames.filter((frame) => frame.includes('"delta":{"content":""}'))).toHaveLength(1);
  });

  it('is quiet where keepalives are off', async () => {
    const { sink, body } = arraySink();
    const done = relayStream(job(events([text('a')], 60_000, ending), sink, { keepalive: 'off' }));
    await vi.advanceTimersByTimeAsync(60_000);
    await done;
    expect(body()).not.toContain('keepalive');
  });

  it('waits for a slow reader and merges what came meanwhile in the same batch', async () => {
    const { sink, frames, unblock, body } = arraySink(2);
    const done = relayStream(job(events([text('a'), text('b'), text('c')], ending), sink));
    await vi.advanceTimersByTimeAsync(0);
    expect(frames).toHaveLength(2);
    unblock();
    await vi.advanceTimersByTimeAsync(0);
    expect(frames).toHaveLength(3);
    expect(frames[2]).toContain('"content":"bc"');
    unblock();
    await vi.advanceTimersByTimeAsync(0);
    unblock();
    expect((await done).status).toBe('completed');
    expect(checkStream(Buffer.from(body())).summary.choices[0]?.content).toBe('abc');
  });

  it('says that it is alive again once a reader whom a keepalive found full has caught up', async () => {
    const { sink, frames, unblock } = arraySink(3);
    const done = relayStream(job(events([text('a')], 45_000, ending), sink));
    await vi.advanceTimersByTimeAsync(30_000);
    // Role, delta, and the keepalive that was one too many; a reader that is behind gets no more.
    expect(frames).toHaveLength(3);
    unblock();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(frames).toHaveLength(4);
    unblock();
    await vi.advanceTimersByTimeAsync(5_000);
    expect((await done).status).toBe('completed');
  });

  it('stops when its reader has gone', async () => {
    const { sink, state } = arraySink();
    const work = job(events([text('a')], 1_000, [text('b')], ending), sink);
    const done = relayStream(work);
    await vi.advanceTimersByTimeAsync(10);
    work.run.stop({ type: 'client-gone' });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await done).toMatchObject({ status: 'abandoned' });
    expect(state.ending).toBeUndefined();
  });
});

describe('the run registry', () => {
  it('stops a run at its total deadline', async () => {
    const run = newRun();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(run.stopReason).toMatchObject({ type: 'failed', failure: { code: 'deadline_exceeded' } });
  });

  it('is idle when the last run has finished', async () => {
    const registry = createRunRegistry(() => 0);
    const spec = { id: 'a', requestId: 'r', keyId: 'k', model: 'm', stream: false, totalMs: 1_000 };
    const run = registry.start(spec);
    let idle = false;
    void registry.idle().then(() => {
      idle = true;
    });
    await vi.advanceTimersByTimeAsync(0);
    expect([registry.size, idle]).toEqual([1, false]);
    registry.finish(run);
    await vi.advanceTimersByTimeAsync(0);
    expect([registry.size, idle]).toEqual([0, true]);
  });
});
