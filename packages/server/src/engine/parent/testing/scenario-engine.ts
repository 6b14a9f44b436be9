import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fakeChatRequest } from '../../../domain/fake-chat-request.ts';
import type { UpstreamHarness, UpstreamScenario } from '../../../upstreams/contract.suite.ts';
import type { UpstreamCall } from '../../../upstreams/contract.ts';
import type { GenerateMessage, GenerationEvent, ToChild } from '../../between/protocol.ts';
import { createEngine, type Engine } from '../engine.ts';
import { FakeChild, fakeInfo, fakeModelFile } from '../fake-child.ts';

/** A started engine whose child plays the scenarios of the contract suite. */
export interface ScenarioEngine {
  readonly engine: Engine;
  call: UpstreamHarness['call'];
  released(): Promise<void>;
  /** Its child dies. */
  crash(): void;
  close(): Promise<void>;
}

export async function startScenarioEngine(): Promise<ScenarioEngine> {
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-engine-'));
  const file = join(folder, 'model.gguf');
  writeFileSync(file, fakeModelFile);
  let child: ScenarioChild | undefined;
  const engine = createEngine({
    models: new Map([['m', { file, sequences: 2 }]]),
    queue: 4,
    log: { debug() {}, info() {}, warn() {}, error() {} },
    cores: 2,
    fork: () => {
      child = new ScenarioChild();
      return child;
    },
  });
  const started = await engine.start(new AbortController().signal);
  if (!started.ok) throw new Error(started.failure.message);
  return {
    engine,
    call(scenario) {
      if (scenario === 'other output') return { cannot: 'a local model writes no other output' };
      return { request: requestFor(scenario), model: 'm', keyId: 'key', completionId: 'chatcmpl-1' };
    },
    async released() {
      for (;;) {
        const { running, waiting } = engine.load();
        if (running + waiting === 0) return;
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
    crash: () => child?.exit(1),
    async close() {
      await engine.stop();
      rmSync(folder, { recursive: true });
    },
  };
}

/** A child that plays the scenario which the prompt names, a step a turn of the event loop. */
class ScenarioChild extends FakeChild {
  readonly #running = new Set<number>();

  override send(message: ToChild): boolean {
    super.send(message);
    if (message.type === 'load') {
      setImmediate(() => {
        this.say({ type: 'loaded', model: 'm', info: { ...fakeInfo, contextLength: 100_000 } });
        this.say({ type: 'ready' });
      });
    } else if (message.type === 'generate') {
      this.#running.add(message.id);
      this.#play(message.id, stepsOf(message));
    } else if (this.#running.delete(message.id)) {
      setImmediate(() => this.say({ type: 'progress', events: [{ type: 'ended', id: message.id }] }));
    }
    return true;
  }

  #play(id: number, [step, ...rest]: GenerationEvent[]): void {
    if (step === undefined || !this.#running.has(id)) return;
    if (step.type === 'ended') this.#running.delete(id);
    setImmediate(() => {
      this.say({ type: 'progress', events: [step] });
      this.#play(id, rest);
    });
  }
}

function stepsOf({ id, messages, prefix }: GenerateMessage): GenerationEvent[] {
  const scenario = messages[0]?.content ?? '';
  const begin: GenerationEvent[] = [
    { type: 'taken', id },
    { type: 'started', id, promptTokens: 5, cachedTokens: 0 },
  ];
  const text = (words: readonly string[]): GenerationEvent[] =>
    words.map((word) => ({ type: 'text', id, choice: 0, text: word, tokens: 1 }));
  const finish: GenerationEvent[] = [
    { type: 'finished', id, choice: 0, reason: 'stop', completionTokens: 3, reasoningTokens: 0 },
    { type: 'ended', id },
  ];
  const thoughts: GenerationEvent[] =
    prefix === undefined ? [{ type: 'reasoning', id, choice: 0, text: 'hm', tokens: 1 }] : [];
  const failure: GenerationEvent[] = [
    { type: 'failed', id, failure: { code: 'upstream_cut', message: 'The engine could not go on.' } },
    { type: 'ended', id },
  ];
  const finishes: GenerationEvent[] = [0, 1].map((choice) => ({
    type: 'finished',
    id,
    choice,
    reason: 'stop',
    completionTokens: 2,
    reasoningTokens: 0,
  }));
  switch (scenario) {
    case 'two choices':
      return [
        ...begin,
        { type: 'text', id, choice: 0, text: 'one', tokens: 1 },
        { type: 'text', id, choice: 1, text: 'other', tokens: 1 },
        ...finishes,
        { type: 'ended', id },
      ];
    case 'reasoning':
      return [...begin, ...thoughts, ...text(['so']), ...finish];
    case 'tool calls':
      return [
        ...begin,
        { type: 'call', id, choice: 0, index: 0, name: 'f' },
        { type: 'arguments', id, choice: 0, index: 0, text: '{"a":' },
        { type: 'arguments', id, choice: 0, index: 0, text: '1}' },
        { type: 'call', id, choice: 0, index: 1, name: 'g' },
        { type: 'arguments', id, choice: 0, index: 1, text: '{}' },
        { type: 'finished', id, choice: 0, reason: 'tool_calls', completionTokens: 9, reasoningTokens: 0 },
        { type: 'ended', id },
      ];
    case 'long':
      return [...begin, ...text(Array.from({ length: 200 }, (_, index) => `word ${index} `)), ...finish];
    case 'silent':
      return begin;
    case 'stalls':
      return [...begin, ...text(['then nothing'])];
    case 'fails at once':
      return failure;
    case 'fails midway':
      return [...begin, ...text(['half of ']), ...failure];
    default:
      return [...begin, ...text([scenario, ' 😀', '']), ...finish];
  }
}

function requestFor(scenario: UpstreamScenario): UpstreamCall['request'] {
  return fakeChatRequest(scenario, { n: scenario === 'two choices' ? 2 : 1 });
}
