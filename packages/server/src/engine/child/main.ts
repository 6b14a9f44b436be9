import { causeOfBug } from '../../domain/cause.ts';
import { failure } from '../../domain/failure.ts';
import { promptUnits } from '../between/context-length.ts';
import {
  type FromChild,
  type GenerateMessage,
  type GenerationEvent,
  isToChild,
  type LoadMessage,
} from '../between/protocol.ts';
import { toolSyntaxes } from '../between/tool-syntax.ts';
import { createKeyLine } from './key-line.ts';
import { loadModel, type ServedModel } from './load-model.ts';
import { openNative } from './native.ts';
import { createScheduler, type Scheduler } from './scheduler.ts';
import { createTemplateThread } from './template-thread.ts';

/**
 * The engine's process. It holds models and nothing else: no files of its own, no state worth saving, so it
 * ends by SIGKILL, which native threads can't delay. It is told what to do over IPC and ends with its parent:
 * by the channel's end, or where that is missed, by finding that its parent has changed.
 */
interface Served extends ServedModel {
  readonly scheduler: Scheduler;
}

const parentCheckMs = 500;
const beatMs = 1000;

const served = new Map<string, Served>();
/** Requests between their arrival and the scheduler's queue; aborted where their client left meanwhile. */
const preparing = new Map<number, AbortController>();
/**
 * Prompts are built one after the other, keys taking turns: each is bounded, and many together would starve the
 * streams. Long ones have a line of their own, so that a short one waits for milliseconds.
 */
const lines = { short: createKeyLine(), long: createKeyLine() };
const templates = createTemplateThread();
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
  // Its thread starts while the weights are read.
  void templates.open('', { source: undefined, bosText: '', eosText: '' });
  const native = await openNative({
    threads: message.threads,
    flashAttention: message.flashAttention,
    log,
  });
  if (!native.ok) return send({ type: 'unloadable', failure: native.failure });
  for (const wanted of message.models) {
    send({ type: 'loading', model: wanted.id });
    const loaded = await loadModel(wanted, native.value, templates);
    if (!loaded.ok) return send({ type: 'unloadable', failure: loaded.failure });
    const { model, template, info } = loaded.value;
    if (template.warning !== undefined) log(`${wanted.id}: ${template.warning}`);
    const scheduler = createScheduler({
      model,
      emit: (events) => send({ type: 'progress', events }),
      beat: () => {
        if (performance.now() - lastSent >= beatMs) send({ type: 'beat' });
      },
      now: () => performance.now(),
    });
    served.set(wanted.id, { ...loaded.value, scheduler });
    send({ type: 'loaded', model: wanted.id, info });
  }
  send({ type: 'ready' });
}

async function generate(message: GenerateMessage, signal: AbortSignal): Promise<void> {
  const { id, keyId } = message;
  const target = served.get(message.model);
  if (target === undefined) {
    const unknown = failure('model_not_found', `The engine serves no model called ${message.model}.`);
    return emit({ type: 'failed', id, failure: unknown }, { type: 'ended', id });
  }
  const built = signal.aborted ? undefined : await target.prompter.build(message, { keyId, signal });
  if (built === undefined || signal.aborted) return emit({ type: 'ended', id });
  if (!built.ok) return emit({ type: 'failed', id, failure: built.failure }, { type: 'ended', id });
  const { tokens, prefixTokens, opened, closing } = built.value;
  const left = target.info.contextLength - tokens.length;
  const { shape } = message;
  target.scheduler.submit({
    id,
    keyId,
    tokens,
    prefixTokens,
    opened,
    closing,
    tags: target.tags,
    sampling: message.sampling,
    maxTokens: Math.max(1, Math.min(message.maxTokens ?? left, left)),
    // A template's textual end of turn could be a part of the JSON that a grammar rules.
    stop:
      shape.type === 'grammar' || shape.type === 'json-or-calls'
        ? message.stop
        : [...message.stop, ...target.template.stop],
    choices: message.choices,
    ...(message.topLogprobs === undefined ? {} : { topLogprobs: message.topLogprobs }),
    shape,
    syntax: toolSyntaxes[target.info.toolSyntax],
  });
}

/** A bug in one request's way here ends that request: unhandled it would end the process, and every stream. */
function prepare(message: GenerateMessage): void {
  const { id } = message;
  const controller = new AbortController();
  preparing.set(id, controller);
  const line = promptUnits(message) < longPrompt ? lines.short : lines.long;
  line.add(message.keyId, () =>
    generate(message, controller.signal)
      .catch((reason: unknown) => {
        const message = 'The engine could not read this request.';
        const broken = failure('internal_error', message, causeOfBug(reason));
        emit({ type: 'failed', id, failure: broken }, { type: 'ended', id });
      })
      .finally(() => preparing.delete(id)),
  );
}

function abort(id: number): void {
  const controller = preparing.get(id);
  if (controller !== undefined) controller.abort();
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
        const cannotLoad = failure('internal_error', 'The engine cannot load.', causeOfBug(reason));
        send({ type: 'unloadable', failure: cannotLoad });
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
