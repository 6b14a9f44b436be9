import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { pullOnce } from '../../domain/batches.ts';
import type { ChatRequest } from '../../domain/chat-request.ts';
import { fakeChatRequest } from '../../domain/fake-chat-request.ts';
import type { StreamEvent } from '../../domain/stream-event.ts';
import type { EventStream } from '../../upstreams/contract.ts';
import type { GenerationEvent } from '../between/protocol.ts';
import { createEngine, type Engine, type EngineOptions } from './engine.ts';
import { FakeChild, fakeInfo, fakeModelFile } from './fake-child.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };
let folder = '';
let file = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tailrace-engine-'));
  file = join(folder, 'model.gguf');
  writeFileSync(file, fakeModelFile);
});
afterAll(() => rmSync(folder, { recursive: true }));

function request(text = 'hi', more: Partial<ChatRequest> = {}): ChatRequest {
  return fakeChatRequest(text, more);
}

interface Running {
  readonly engine: Engine;
  readonly children: FakeChild[];
  child(): FakeChild;
  say(...events: GenerationEvent[]): void;
  open(text?: string, signal?: AbortSignal, more?: Partial<ChatRequest>): EventStream;
  /** The newest child loads. */
  ready(): void;
}

async function running(more: Partial<EngineOptions> = {}): Promise<Running> {
  const children: FakeChild[] = [];
  const child = (): FakeChild => {
    const last = children.at(-1);
    if (last === undefined) throw new Error('no child was started');
    return last;
  };
  const ready = (): void => {
    child().say({ type: 'loaded', model: 'm', info: fakeInfo });
    child().say({ type: 'ready' });
  };
  const engine = createEngine({
    models: new Map([['m', { file, sequences: 2 }]]),
    queue: 2,
    log: silent,
    cores: 4,
    random: () => 0.5,
    fork: () => {
      const forked = new FakeChild();
      children.push(forked);
      if (children.length === 1) queueMicrotask(ready);
      return forked;
    },
    ...more,
  });
  expect(await engine.start(new AbortController().signal)).toMatchObject({ ok: true });
  return {
    engine,
    children,
    child,
    ready,
    say: (...events) => child().say({ type: 'progress', events }),
    open: (text, signal = new AbortController().signal, fields) =>
      engine.open({ request: request(text, fields), model: 'm', keyId: 'k', completionId: 'c' }, signal),
  };
}

async function drain(stream: EventStream): Promise<StreamEvent[]> {
  const events: StreamEvent[] = [];
  for (let step = await pullOnce(stream); step.done !== true; step = await pullOnce(stream))
    events.push(...step.value);
  return events;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('engine', () => {
  test('a complete answer has a start with the fingerprint, text, usage and finish', async () => {
    const run = await running();
    const stream = run.open();
    run.say(
      { type: 'taken', id: 1 },
      { type: 'started', id: 1, promptTokens: 9, cachedTokens: 4 },
      { type: 'text', id: 1, choice: 0, text: 'é', tokens: 1 },
      { type: 'text', id: 1, choice: 0, text: '"', tokens: 1 },
      { type: 'finished', id: 1, choice: 0, reason: 'stop', completionTokens: 3, reasoningTokens: 0 },
      { type: 'ended', id: 1 },
    );
    expect(await drain(stream)).toEqual([
      {
        type: 'start',
        promptTokens: 9,
        cachedTokens: 4,
        phases: { queueMs: expect.any(Number), promptMs: expect.any(Number) },
        fingerprint: expect.stringMatching(/^fp_[0-9a-f]{12}$/),
      },
      { type: 'text-delta', choice: 0, json: '\\u00e9\\"', tokens: 2 },
      { type: 'usage', usage: { promptTokens: 9, completionTokens: 3, cachedTokens: 4 } },
      { type: 'finish', choice: 0, reason: 'stop' },
    ]);
    expect(run.engine.load()).toEqual({ running: 0, waiting: 0 });
    await run.engine.stop();
  });

  test('OpenAI’s defaults go to the child where a field is absent', async () => {
    const run = await running();
    run.open('a', undefined, { seed: 2 ** 53 - 1, temperature: 0 });
    run.open('b');
    const [first, second] = run.child().received.slice(1);
    expect(first).toMatchObject({ sampling: { temperature: 0, topP: 1, repeatable: true } });
    expect(second).toMatchObject({ sampling: { temperature: 1, topP: 1, repeatable: false } });
    await run.engine.stop();
  });

  test('the model’s defaults go to the child where a field is absent: configured, else of its file', async () => {
    const run = await running({
      models: new Map([['m', { file, sequences: 2, defaults: { temperature: 0.5, presencePenalty: 1 } }]]),
    });
    run.child().say({
      type: 'loaded',
      model: 'm',
      info: { ...fakeInfo, sampling: { temperature: 0.7, topP: 0.8, topK: 20, minP: 0.05 } },
    });
    run.open('a');
    run.open('b', undefined, { temperature: 1, topP: 1, presencePenalty: 0, frequencyPenalty: 2 });
    run.open('c', undefined, { temperature: 0 });
    const [first, second, third] = run.child().received.slice(1);
    const ofFile = { topK: 20, minP: 0.05 };
    expect(first).toMatchObject({
      sampling: { ...ofFile, temperature: 0.5, topP: 0.8, presencePenalty: 1, frequencyPenalty: 0 },
    });
    expect(second).toMatchObject({
      sampling: { ...ofFile, temperature: 1, topP: 1, presencePenalty: 0, frequencyPenalty: 2 },
    });
    expect(third).toMatchObject({ sampling: { temperature: 0, topP: 0.8, repeatable: true } });
    await run.engine.stop();
  });

  test.each([
    ['smollm2-135m-instruct', { temperature: 0.2, topP: 0.9 }],
    ['smollm2-135m-instruct.q4_1', { temperature: 0.2, topP: 0.9 }],
    ['smollm2-135m', { temperature: 1, topP: 1 }],
  ])('%s samples as its makers advise', async (model, sampling) => {
    const lines: unknown[] = [];
    const run = await running({
      models: new Map([[model, { file, sequences: 2 }]]),
      log: { ...silent, info: (_, fields) => lines.push(fields) },
    });
    run.child().say({ type: 'loaded', model, info: fakeInfo });
    const signal = new AbortController().signal;
    run.engine.open({ request: request('hi'), model, keyId: 'k', completionId: 'c' }, signal);
    expect(run.child().received.at(-1)).toMatchObject({ sampling });
    if (sampling.temperature !== 1) expect(lines).toContainEqual(expect.objectContaining(sampling));
    await run.engine.stop();
  });

  test('a request beyond sequences and queue is refused with the time to wait', async () => {
    const run = await running();
    for (let count = 0; count < 4; count++) run.open();
    expect(await drain(run.open())).toEqual([
      {
        type: 'failed',
        failure: expect.objectContaining({ code: 'overloaded', retryAfterMs: expect.any(Number) }),
      },
    ]);
    run.say({ type: 'ended', id: 1 });
    run.open();
    expect(run.child().requests).toEqual([1, 2, 3, 4, 5]);
    await run.engine.stop();
  });

  test('the place of a client that has left is kept until the child frees it', async () => {
    const run = await running();
    const controller = new AbortController();
    const stream = run.open('a', controller.signal);
    run.say({ type: 'taken', id: 1 });
    controller.abort();
    expect((await pullOnce(stream)).done).toBe(true);
    expect(run.child().received.at(-1)).toEqual({ type: 'abort', id: 1 });
    expect(run.engine.load().running).toBe(1);
    run.say({ type: 'ended', id: 1 });
    expect(run.engine.load().running).toBe(0);
    await run.engine.stop();
  });

  test('a reader that returns aborts the request', async () => {
    const run = await running();
    const stream = run.open();
    await stream.close();
    expect(run.child().received.at(-1)).toEqual({ type: 'abort', id: 1 });
    await run.engine.stop();
  });

  test('an aborted signal sends no request', async () => {
    const run = await running();
    expect(await drain(run.open('a', AbortSignal.abort()))).toEqual([]);
    expect(run.child().requests).toEqual([]);
    expect(run.engine.load()).toEqual({ running: 0, waiting: 0 });
    await run.engine.stop();
  });

  test('when the child crashes running streams fail, and those that waited go to the next child', async () => {
    const run = await running();
    const cut = run.open('a');
    const carried = run.open('b');
    run.say({ type: 'taken', id: 1 }, { type: 'text', id: 1, choice: 0, text: 'x', tokens: 1 });
    run.child().exit(null, 'SIGSEGV');
    const events = await drain(cut);
    expect(events.map((event) => event.type)).toEqual(['text-delta', 'failed']);
    expect(events[1]).toMatchObject({ failure: { code: 'upstream_cut' } });
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(run.children.length).toBe(2);
    expect(run.engine.ready()).toBe(false);
    const late = run.open('c');
    run.ready();
    expect(run.child().requests).toEqual([2, 3]);
    run.say(
      { type: 'taken', id: 2 },
      { type: 'finished', id: 2, choice: 0, reason: 'stop', completionTokens: 1, reasoningTokens: 0 },
      { type: 'ended', id: 2 },
      { type: 'failed', id: 3, failure: { code: 'invalid_value', message: 'no' } },
      { type: 'ended', id: 3 },
    );
    expect((await drain(carried)).at(-1)).toMatchObject({ type: 'finish' });
    expect(await drain(late)).toEqual([
      { type: 'failed', failure: { code: 'invalid_value', message: 'no' } },
    ]);
    await run.engine.stop();
  });

  test('a request that waited while two children died is refused, and one without a client is not sent again', async () => {
    const run = await running();
    const controller = new AbortController();
    const twice = run.open('a');
    run.open('b', controller.signal);
    controller.abort();
    for (let crash = 0; crash < 2; crash++) {
      run.child().exit(1);
      await new Promise((resolve) => setTimeout(resolve, 5));
      if (crash === 0) {
        run.ready();
        expect(run.child().requests).toEqual([1]);
      }
    }
    expect(await drain(twice)).toMatchObject([{ type: 'failed', failure: { code: 'upstream_refused' } }]);
    expect(run.engine.load()).toEqual({ running: 0, waiting: 0 });
    await run.engine.stop();
  });

  test('after a crash the child gets the context that was decided at the first load', async () => {
    const run = await running();
    expect(run.child().received[0]).toMatchObject({ models: [{ context: 'max' }] });
    run.child().exit(1);
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(run.child().received[0]).toMatchObject({ models: [{ context: 100 }] });
    await run.engine.stop();
  });

  test('a tool call without arguments has an empty object of them, before the next call and at the end', async () => {
    const run = await running();
    const stream = run.open();
    run.say(
      { type: 'taken', id: 1 },
      { type: 'started', id: 1, promptTokens: 1, cachedTokens: 0 },
      { type: 'call', id: 1, choice: 0, index: 0, name: 'f' },
      { type: 'call', id: 1, choice: 0, index: 1, name: 'g' },
      { type: 'finished', id: 1, choice: 0, reason: 'length', completionTokens: 1, reasoningTokens: 0 },
      { type: 'ended', id: 1 },
    );
    const calls = (await drain(stream)).filter(({ type }) => type.startsWith('tool-call'));
    expect(calls).toMatchObject([
      { type: 'tool-call-start', index: 0 },
      { type: 'tool-call-delta', index: 0, json: '{}' },
      { type: 'tool-call-start', index: 1 },
      { type: 'tool-call-delta', index: 1, json: '{}' },
    ]);
    await run.engine.stop();
  });

  test('the facts of a model are those of the file that the new child has loaded', async () => {
    const warned: unknown[] = [];
    const log = { ...silent, warn: (...said: unknown[]) => void warned.push(said) };
    const run = await running({ log });
    const startOf = async (id: number): Promise<StreamEvent | undefined> => {
      const stream = run.open();
      run.say({ type: 'taken', id }, { type: 'started', id, promptTokens: 1, cachedTokens: 0 });
      return (await pullOnce(stream)).value?.[0];
    };
    expect(await startOf(1)).toMatchObject({ type: 'start', fingerprint: fakeInfo.fingerprint });
    run.child().exit(1);
    await vi.waitFor(() =>
      expect(run.child().received[0]).toMatchObject({
        models: [{ context: 100, decided: { fingerprint: fakeInfo.fingerprint, otherwise: 'max' } }],
      }),
    );
    const waiting = run.open();
    const other = { ...fakeInfo, fingerprint: 'fp_other', contextLength: 50, toolSyntax: 'bare' } as const;
    run.child().say({ type: 'loaded', model: 'm', info: other });
    run.child().say({ type: 'ready' });
    // It was prepared for the other file; the router asks again.
    expect(await drain(waiting)).toMatchObject([
      { type: 'failed', failure: { code: 'upstream_refused', blameless: true } },
    ]);
    expect(await startOf(3)).toMatchObject({ type: 'start', fingerprint: 'fp_other' });
    expect(run.engine.contextLength('m')).toBe(50);
    expect(run.engine.describe('m')).toEqual(other);
    expect(JSON.stringify(warned)).toContain('the model file is another than before the restart');
    await run.engine.stop();
  });

  test('the same file is the same model, and waiting requests are served', async () => {
    const run = await running();
    const waiting = run.open();
    run.child().exit(1);
    await new Promise((resolve) => setTimeout(resolve, 5));
    run.ready();
    expect(run.child().requests).toEqual([1]);
    await waiting.close();
    await run.engine.stop();
  });

  test('the failure says that a model cannot be loaded again', async () => {
    const run = await running();
    for (let restart = 0; restart < 3; restart++) {
      run.child().exit(1);
      await new Promise((resolve) => setTimeout(resolve, 5));
      const gone = { code: 'internal_error', message: 'The model file m.gguf does not exist.' } as const;
      run.child().say({ type: 'unloadable', failure: gone });
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
    const [refused] = await drain(run.open());
    expect(refused).toMatchObject({
      failure: { code: 'upstream_refused', blameless: true, retryAfterMs: expect.any(Number) },
    });
    expect(JSON.stringify(refused)).toContain('cannot be loaded again');
    expect(JSON.stringify(refused)).not.toContain('m.gguf');
    await run.engine.stop();
  });

  test('a prompt that cannot fit is refused before it is sent to the child', async () => {
    const run = await running();
    expect(await drain(run.open('y'.repeat(400)))).toMatchObject([
      { type: 'failed', failure: { code: 'context_length_exceeded', param: 'messages' } },
    ]);
    expect(run.child().requests).toEqual([]);
    await run.engine.stop();
  });

  test('tools that cannot fit are refused like messages, unless they may not be called', async () => {
    const run = await running();
    const tools = [{ name: 'f', description: 'y'.repeat(400), parameters: {}, strict: false }];
    expect(await drain(run.open('q', undefined, { tools }))).toMatchObject([
      { type: 'failed', failure: { code: 'context_length_exceeded' } },
    ]);
    expect(run.child().requests).toEqual([]);
    run.open('q', undefined, { tools, toolChoice: { type: 'none' } });
    expect(run.child().requests.length).toBe(1);
    await run.engine.stop();
  });

  test('stop ends running requests with failures, and later ones are refused', async () => {
    const run = await running();
    const stream = run.open();
    await run.engine.stop();
    expect(await drain(stream)).toMatchObject([{ type: 'failed', failure: { code: 'upstream_cut' } }]);
    expect(await drain(run.open())).toMatchObject([
      { type: 'failed', failure: { code: 'upstream_refused' } },
    ]);
    expect(run.engine.ready()).toBe(false);
    await turn();
  });

  test('an unknown model and parts that are no text are refused', async () => {
    const run = await running();
    const signal = new AbortController().signal;
    const unknown = run.engine.open(
      { request: request(), model: 'x', keyId: 'k', completionId: 'c' },
      signal,
    );
    expect(await drain(unknown)).toMatchObject([{ failure: { code: 'model_not_found' } }]);
    const image = run.open('', signal, {
      messages: [{ role: 'user', content: [{ type: 'image', url: 'data:,' }] }],
    });
    expect(await drain(image)).toMatchObject([
      { failure: { code: 'unsupported_parameter', param: 'messages[0].content[0]' } },
    ]);
    expect(run.engine.capabilities('x').size).toBe(0);
    expect(run.engine.capabilities('m').has('seed')).toBe(true);
    await run.engine.stop();
  });

  test('a file that is missing, a folder or not a GGUF fails with one line, and no process is started', async () => {
    const damaged = join(folder, 'damaged.gguf');
    writeFileSync(
      damaged,
      Buffer.concat([fakeModelFile.subarray(0, 16), Buffer.from('ffffffff00000000', 'hex')]),
    );
    const plain = join(folder, 'plain.gguf');
    writeFileSync(plain, 'nothing of the kind');
    for (const [path, words] of [
      [join(folder, 'absent.gguf'), 'does not exist'],
      [folder, 'is a folder'],
      ['/dev/zero', 'is no regular file'],
      [damaged, 'claims 4294967295 fields'],
      [plain, 'no GGUF file'],
    ] as const) {
      const engine = createEngine({
        models: new Map([['m', { file: path, sequences: 1 }]]),
        queue: 1,
        log: silent,
        fork: () => {
          throw new Error('started');
        },
      });
      const started = await engine.start(new AbortController().signal);
      expect(started).toMatchObject({ ok: false, failure: { message: expect.stringContaining(words) } });
      await engine.stop();
    }
  });
});
