import { type Failure, failure, ok, type Result } from '../../domain/failure.ts';
import type { Capabilities } from '../../domain/requirements.ts';
import type { SamplingDefaults } from '../../domain/sampling-defaults.ts';
import type { Reading } from '../../telemetry/contract.ts';
import type { Log } from '../../telemetry/log.ts';
import type { EventStream, Upstream, UpstreamCall } from '../../upstreams/contract.ts';
import { inspectModelFile } from '../between/model-file.ts';
import type { FromChild, GenerateMessage, LoadMessage, ModelInfo } from '../between/protocol.ts';
import { createAnswerShapes } from './answer-shape.ts';
import { createCallEvents } from './call-events.ts';
import { createCallStream } from './call-stream.ts';
import { type Call, createCalls } from './calls.ts';
import { chooseThreads, countCores } from './cores.ts';
import { advisedContext, samplingDefaultsOf } from './default-model-advice.ts';
import { notPrepared, notRunning, replaced, stopped } from './engine-failures.ts';
import { createEngineCounts, type EngineNow } from './engine-figures.ts';
import { forkChild } from './fork-child.ts';
import { generateMessage, refusedValues } from './generate-message.ts';
import { honoured } from './honoured.ts';
import { type Child, createSupervisor } from './supervisor.ts';

export interface EngineModel {
  readonly file: string;
  /** Requests that run at the same time. */
  readonly sequences: number;
  /** Tokens of each sequence. Default: 2048 for the default model, else `max`: as many as memory allows. */
  readonly context?: number | 'max';
  /** Each field has precedence over that of the file. */
  readonly defaults?: SamplingDefaults;
}

export interface EngineOptions {
  readonly models: ReadonlyMap<string, EngineModel>;
  /** Default: one less than the cores that the process may use. Never more than the cores. */
  readonly threads?: number;
  /**
   * The most choices that wait for a sequence, over all models; more are refused with `overloaded`. A key that has
   * less than its share of a full queue may still wait, up to twice as many choices in all.
   */
  readonly queue: number;
  /** For CPUs: faster, but a seed does not always repeat a text. Default: false. */
  readonly flashAttention?: boolean;
  readonly log: Log;
  /** True: the log has the child's output while it has requests, which may contain prompts. Default: false. */
  readonly logContent?: boolean;
  /** The folder in whose node_modules the library lies. Default: where Node finds it from this server. */
  readonly library?: string;
  /** The variables of which the child gets those that it needs. Default: none. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Starts the child. Default: the real one. */
  readonly fork?: () => Child;
  /** A child that has open requests and sends nothing for so long is killed. Default: two minutes. */
  readonly hangMs?: number;
  /** Numbers in [0, 1), for requests without a seed. */
  readonly random?: () => number;
  readonly cores?: number;
  /** What a process uses of the machine, by its id; undefined where that is not known. Default: it is not known. */
  useOf?(pid: number): EngineNow['process'];
}

/** The local engine: an upstream whose models run in a child process. */
export interface Engine extends Upstream {
  readonly name: 'engine';
  /** Resolves when every model is loaded. Fails with one line (no GGUF, no memory, no binary). To be called once. */
  start(signal: AbortSignal): Promise<Result<void>>;
  /** False before the start, while the child is restarting, and after {@link stop}. */
  ready(): boolean;
  /** Undefined for a model that is not loaded. */
  describe(model: string): ModelInfo | undefined;
  models(): string[];
  /** The requests that have a sequence, and those that wait for one. */
  load(): { readonly running: number; readonly waiting: number };
  /** What it has counted since its start, and how it stands. */
  reading(): Reading;
  /** Calls `listener` after each change of {@link ready} or {@link describe}, until the returned function is called. */
  onChange(listener: () => void): () => void;
  /** Kills the child; running streams fail with `upstream_cut`. Resolves when it is gone. */
  stop(): Promise<void>;
}

const nothing: Capabilities = new Set();

export function createEngine(options: EngineOptions): Engine {
  const { log, random = Math.random } = options;
  const infos = new Map<string, ModelInfo>();
  const shapes = createAnswerShapes();
  const listeners = new Set<() => void>();
  let loading: string | undefined;
  const cores = options.cores ?? countCores();
  const threads = chooseThreads(cores, options.threads);
  const calls = createCalls({
    queue: options.queue,
    sequencesOf: (model) => options.models.get(model)?.sequences ?? 0,
    now: () => performance.now(),
  });

  const figures = createEngineCounts();
  let childPid: number | undefined;
  const fork = options.fork ?? (() => forkChild(options.environment ?? {}));
  const supervisor = createSupervisor({
    fork() {
      figures.started();
      const child = fork();
      childPid = child.pid;
      return child;
    },
    load: loadMessage,
    onMessage,
    onDown: () => {
      const { cut, refused } = calls.crashed();
      for (const call of cut) fail(call, stopped());
      for (const call of refused) fail(call, notRunning(1000, supervisor.cannotLoad()));
      changed();
    },
    busy: () => calls.count() > 0,
    loadingFile: () => loading,
    log,
    logContent: options.logContent ?? false,
    ...(options.hangMs === undefined ? {} : { hangMs: options.hangMs }),
  });

  const onEvent = createCallEvents({
    calls,
    figures,
    fingerprintOf: (model) => infos.get(model)?.fingerprint,
    onServed: () => supervisor.served(),
  });

  function loadMessage(): LoadMessage {
    const models = [...options.models].map(([id, { file, sequences, context }]) => {
      const wanted = context ?? advisedContext(id) ?? ('max' as const);
      const info = infos.get(id);
      if (info === undefined) return { id, file, sequences, context: wanted };
      // The context was announced to clients, so it stays the same when less memory is free after a crash.
      const decided = { fingerprint: info.fingerprint, otherwise: wanted };
      return { id, file, sequences, context: info.contextLength, decided };
    });
    const { flashAttention = false, library } = options;
    return { type: 'load', threads, flashAttention, models, ...(library === undefined ? {} : { library }) };
  }

  function onMessage(message: FromChild): void {
    switch (message.type) {
      case 'loading':
        loading = options.models.get(message.model)?.file;
        return;
      case 'loaded':
        onLoaded(message.model, message.info);
        return;
      case 'ready':
        for (const call of calls.unsent()) send(call);
        changed();
        return;
      case 'progress':
        figures.round(message.events);
        for (const event of message.events) onEvent(event);
        return;
      case 'unloadable':
      case 'log':
      case 'beat':
        return;
    }
  }

  function changed(): void {
    for (const listener of listeners) listener();
  }

  function onLoaded(model: string, loaded: ModelInfo): void {
    const before = infos.get(model)?.fingerprint;
    const { sampling: ofFile, ...facts } = loaded;
    const sampling = samplingDefaultsOf(model, ofFile, options.models.get(model)?.defaults);
    const info = { ...facts, sampling };
    infos.set(model, info);
    log.info('model loaded', { model, ...facts, ...sampling });
    if (before === undefined || before === info.fingerprint) return;
    const file = options.models.get(model)?.file;
    log.warn('the model file is another than before the restart', {
      model,
      file,
      before,
      now: info.fingerprint,
    });
    // Waiting calls were prepared for the other file: for its tokens and its syntax of calls.
    for (const call of calls.unsent()) {
      if (call.message.model !== model) continue;
      fail(call, replaced());
      calls.delete(call);
    }
  }

  function fail(call: Call, reason: Failure): void {
    call.stream.push({ type: 'failed', failure: reason });
    call.stream.end();
  }

  function send(call: Call): void {
    call.sent = supervisor.send(call.message);
  }

  /** Ends a call whose client has left. A call that the child has keeps its place until the child sends `ended`. */
  function leave(call: Call): void {
    call.left = true;
    call.stream.drop();
    if (!call.sent || !supervisor.send({ type: 'abort', id: call.message.id })) calls.delete(call);
  }

  function open(upstreamCall: UpstreamCall, signal: AbortSignal): EventStream {
    const { model } = upstreamCall;
    const info = infos.get(model);
    if (info === undefined) {
      return failed(failure('model_not_found', `The local engine serves no model called ${model}.`));
    }
    const prepared = info.fingerprint;
    const stream = createCallStream(() => onReturn());
    /** Aborts when the request is gone, by its signal or its reader, before the child has heard of it. */
    const left = new AbortController();
    let onReturn = (): void => left.abort();

    function begin(message: Result<Omit<GenerateMessage, 'id'>>): void {
      // A client that left while a large schema was compiled is owed nothing.
      if (left.signal.aborted) {
        stream.drop();
        return;
      }
      const refusal = message.ok ? refusalNow(message.value, prepared) : message.failure;
      if (!message.ok || refusal !== undefined) {
        if (refusal !== undefined) stream.push({ type: 'failed', failure: refusal });
        stream.end();
        return;
      }
      const call = calls.add(message.value, upstreamCall.completionId, stream, () =>
        signal.removeEventListener('abort', onAbort),
      );
      const onAbort = (): void => leave(call);
      onReturn = onAbort;
      signal.addEventListener('abort', onAbort, { once: true });
      send(call);
    }

    if (signal.aborted) left.abort();
    const message = generateMessage(upstreamCall, {
      info,
      defaults: info.sampling,
      shapes,
      random,
      signal: left.signal,
    });
    if (message instanceof Promise) {
      const leaveEarly = (): void => {
        stream.drop();
        left.abort();
      };
      signal.addEventListener('abort', leaveEarly, { once: true });
      const compiled = (made: Result<Omit<GenerateMessage, 'id'>>): void => {
        signal.removeEventListener('abort', leaveEarly);
        begin(made);
      };
      // A bug in the compiler is this request's end alone.
      message.then(compiled, (error: unknown) => compiled({ ok: false, failure: notPrepared(error) }));
    } else begin(message);
    return stream;
  }

  /** `prepared`: the fingerprint of the model for which the message was made. */
  function refusalNow(message: Omit<GenerateMessage, 'id'>, prepared: string): Failure | undefined {
    const state = supervisor.state();
    const restarting = supervisor.retryInMs();
    if (state === 'stopped' || (state === 'down' && restarting > 0)) {
      return notRunning(Math.max(1000, restarting), supervisor.cannotLoad());
    }
    return infos.get(message.model)?.fingerprint === prepared ? calls.refusal(message) : replaced();
  }

  return {
    name: 'engine',
    firstTokenClock: 'start',
    capabilities: (model) => (options.models.has(model) ? honoured : nothing),
    contextLength: (model) => infos.get(model)?.contextLength,
    samplingDefaults: (model) => infos.get(model)?.sampling,
    refuses: (request, model) => {
      const info = infos.get(model);
      return info === undefined ? undefined : refusedValues(request, info);
    },
    takeover: (model) => (options.models.has(model) ? 'prefix' : undefined),
    open,
    async start(signal) {
      if (options.threads !== undefined && options.threads > threads) {
        log.warn('fewer threads than configured: this machine has no more cores', {
          configured: options.threads,
          threads,
        });
      }
      for (const { file } of options.models.values()) {
        const inspected = await inspectModelFile(file);
        if (!inspected.ok) return inspected;
      }
      const started = await supervisor.start(signal);
      return started.ok ? ok(undefined) : started;
    },
    ready: () => supervisor.state() === 'up',
    describe: (model) => infos.get(model),
    models: () => [...options.models.keys()],
    load: () => calls.load(),
    reading: () =>
      figures.read({
        ...calls.load(),
        up: supervisor.state() === 'up',
        calls: calls.all(),
        models: infos,
        process: childPid === undefined ? undefined : options.useOf?.(childPid),
      }),
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async stop() {
      const stopping = supervisor.stop();
      for (const call of calls.all()) {
        fail(call, stopped());
        calls.delete(call);
      }
      await Promise.all([stopping, shapes.close()]);
    },
  };
}

function failed(reason: Failure): EventStream {
  const stream = createCallStream(() => {});
  stream.push({ type: 'failed', failure: reason });
  stream.end();
  return stream;
}
