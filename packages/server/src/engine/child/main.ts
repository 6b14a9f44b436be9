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
 * The engine's process. It has models, no files and no state to save, so it is ended by SIGKILL, which native threads
 * cannot delay. It gets its work over IPC and ends with its parent: when the channel closes, or, where that is missed,
 * when its parent process has changed.
 */
interface Served extends ServedModel {
  readonly scheduler: Scheduler;
}

const parentCheckMs = 500;
const beatMs = 1000;

const served = new Map<string, Served>();
/** Requests whose prompts are being made; the controller aborts when the client leaves. */
const preparing = new Map<number, AbortController>();
/**
 * Prompts are made one after the other, and keys take turns: many at the same time would delay the streams. Long
 * prompts
 * have a queue of their own, so that a short one waits for milliseconds only.
 */
const lines = { short: createKeyLine(), long: createKeyLine() };
const templates = createTemplateThread();
/** UTF-16 units from which on a prompt is long: some 50 ms of work. */
const longPrompt = 65_536;
let lastSent = 0;

function send(message: FromChild): void {
  lastSent = performance.now();
  // `disconnect` handles a parent that has ended.
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
}

function emit(...events: readonly GenerationEvent[]): void {
  send({ type: 'progress', events });
}

async function load(message: LoadMessage): Promise<void> {
  const log = (line: string): void => send({ type: 'log', message: line });
  // The thread starts while the weights are read.
  void templates.open('', { source: undefined, bosText: '', eosText: '' });
  const native = await openNative({
    threads: message.threads,
    flashAttention: message.flashAttention,
    log,
    ...(message.library === undefined ? {} : { folder: message.library }),
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
    // The end of a turn as text may occur in JSON, so it is not a stop string where a grammar applies.
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

/** Makes the prompt of a request. A bug ends this request only; unhandled it would end the process and all streams. */
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

// A Ctrl-C reaches both processes, but the server drains its streams first and then ends this process.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
process.on('disconnect', dieNow);
const parent = process.ppid;
setInterval(() => {
  if (process.ppid !== parent) dieNow();
}, parentCheckMs).unref();
