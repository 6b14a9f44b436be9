import { causeOfBug } from '../../domain/cause.ts';
import { failure } from '../../domain/failure.ts';
import { promptUnits } from '../context-length.ts';
import {
  type FromChild,
  type GenerateMessage,
  type GenerationEvent,
  isToChild,
  type LoadMessage,
} from '../protocol.ts';
import { toolSyntaxes } from '../tool-syntax.ts';
import type { LoadedModel } from './model.ts';
import { openNative } from './native.ts';
import { createPrompter, type Prompter } from './prompt.ts';
import { createScheduler, type Scheduler } from './scheduler.ts';

/**
 * The engine's process. It holds models and nothing else: no files of its own, no state worth saving, so it
 * ends by SIGKILL, which native threads can't delay. It is told what to do over IPC and ends with its parent:
 * by the channel's end, or where that is missed, by finding that its parent has changed.
 */
interface Served {
  readonly model: LoadedModel;
  readonly prompter: Prompter;
  readonly scheduler: Scheduler;
}

const parentCheckMs = 500;
const beatMs = 1000;

const served = new Map<string, Served>();
/** Requests between their arrival and the scheduler's queue, and whether their client left meanwhile. */
const preparing = new Map<number, { aborted: boolean }>();
/**
 * Prompts are built one after the other: each is bounded, and many together would starve the streams. Long ones have a
 * line of their own, so that a short one waits for milliseconds.
 */
const lastBuild = { short: Promise.resolve(), long: Promise.resolve() };
/** UTF-16 units from which on a prompt is long: some 50 ms of work. */
const longPrompt = 65_536;
let lastSent = 0;

function send(message: FromChild): void {
  lastSent = performance.now();
  // A parent that is gone is noticed by `disconnect`.
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
}

function emit(...events: readonly GenerationEvent[]): void {
  send({ type: 'progress', events });
}

async function load(message: LoadMessage): Promise<void> {
  const log = (line: string): void => send({ type: 'log', message: line });
  const native = await openNative({
    threads: message.threads,
    flashAttention: message.flashAttention,
    log,
  });
  if (!native.ok) return send({ type: 'unloadable', failure: native.failure });
  for (const wanted of message.models) {
    const loaded = await native.value.load(wanted);
    if (!loaded.ok) return send({ type: 'unloadable', failure: loaded.failure });
    const model = loaded.value;
    const prompter = createPrompter({
      template: model.template,
      vocabulary: model.vocabulary,
      contextLength: model.info.contextLength,
    });
    if (prompter.warning !== undefined) log(`${wanted.id}: ${prompter.warning}`);
    const scheduler = createScheduler({
      model,
      emit: (events) => send({ type: 'progress', events }),
      beat: () => {
        if (performance.now() - lastSent >= beatMs) send({ type: 'beat' });
      },
      now: () => performance.now(),
    });
    served.set(wanted.id, { model, prompter, scheduler });
    send({ type: 'loaded', model: wanted.id, info: model.info });
  }
  send({ type: 'ready' });
}

async function generate(message: GenerateMessage, state: { aborted: boolean }): Promise<void> {
  const { id } = message;
  const target = served.get(message.model);
  if (target === undefined) {
    const unknown = failure('model_not_found', `The engine serves no model called ${message.model}.`);
    return emit({ type: 'failed', id, failure: unknown }, { type: 'ended', id });
  }
  const built = state.aborted ? undefined : await target.prompter.build(message);
  if (built === undefined || state.aborted) return emit({ type: 'ended', id });
  if (!built.ok) return emit({ type: 'failed', id, failure: built.failure }, { type: 'ended', id });
  const { tokens, prefixTokens, opened, closing } = built.value;
  const left = target.model.info.contextLength - tokens.length;
  const { shape } = message;
  target.scheduler.submit({
    id,
    keyId: message.keyId,
    tokens,
    prefixTokens,
    opened,
    closing,
    tags: target.prompter.tags,
    sampling: message.sampling,
    maxTokens: Math.max(1, Math.min(message.maxTokens ?? left, left)),
    // A template's textual end of turn could be a part of the JSON that a grammar rules.
    stop:
      shape.type === 'grammar' || shape.type === 'json-or-calls'
        ? message.stop
        : [...message.stop, ...target.prompter.stop],
    choices: message.choices,
    ...(message.topLogprobs === undefined ? {} : { topLogprobs: message.topLogprobs }),
    shape,
    syntax: toolSyntaxes[target.model.info.toolSyntax],
  });
}

/** A bug in one request's way here ends that request: unhandled it would end the process, and every stream. */
function prepare(message: GenerateMessage): void {
  const { id } = message;
  const state = { aborted: false };
  preparing.set(id, state);
  const line = promptUnits(message) < longPrompt ? 'short' : 'long';
  lastBuild[line] = lastBuild[line]
    .then(() => generate(message, state))
    .catch((reason: unknown) => {
      const message = 'The engine could not read this request.';
      const broken = failure('internal_error', message, causeOfBug(reason));
      emit({ type: 'failed', id, failure: broken }, { type: 'ended', id });
    })
    .finally(() => preparing.delete(id));
}

function abort(id: number): void {
  const state = preparing.get(id);
  if (state !== undefined) state.aborted = true;
  else for (const { scheduler } of served.values()) scheduler.abort(id);
}

function dieNow(): never {
  process.kill(process.pid, 'SIGKILL');
  throw new Error('unreachable');
}

process.on('message', (message) => {
  if (!isToChild(message)) return;
  switch (message.type) {
    case 'load':
      load(message).catch((reason: unknown) => {
        const detail = reason instanceof Error ? (reason.stack ?? reason.message) : String(reason);
        send({
          type: 'unloadable',
          failure: failure('internal_error', 'The engine cannot load.', { detail }),
        });
      });
      return;
    case 'generate':
      prepare(message);
      return;
    case 'abort':
      abort(message.id);
      return;
  }
});

// The server decides when this process ends: a Ctrl-C goes to both, and streams are to be drained first.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
process.on('disconnect', dieNow);
const parent = process.ppid;
setInterval(() => {
  if (process.ppid !== parent) dieNow();
}, parentCheckMs).unref();
