import { performance } from 'node:perf_hooks';
import { thisMachine } from '../config/cache-dir.ts';
import type { Config } from '../config/config.ts';
import type { Environment } from '../config/environment.ts';
import { createEngine, type Engine, type EngineModel, type EngineOptions } from '../engine/parent/engine.ts';
import { defaultModel } from '../models/default-model.ts';
import { ensureEngineLibrary } from '../models/engine-library.ts';
import { ensureModel } from '../models/ensure-model.ts';
import type { ModelFailureCode } from '../models/model-result.ts';
import { createProgress, type ProgressOutput } from '../models/progress.ts';
import type { Log } from '../telemetry/log.ts';
import { useOfProcess } from './process-use.ts';

export type StartedEngine =
  | { readonly ok: true; readonly engine: Engine }
  | {
      readonly ok: false;
      readonly message: string;
      readonly exitCode: 1 | 2;
      /** Whether the server must not start without the engine: the operator has to correct something first. */
      readonly fatal: boolean;
    };

export interface EngineSurroundings {
  readonly env: Environment;
  /** Shows the progress of downloads. */
  readonly output: ProgressOutput;
  readonly log: Log;
  /** Aborted where the server is asked to end: the start stops there. */
  readonly signal: AbortSignal;
}

/**
 * Finds or fetches the model files and the engine's library, starts the engine's process and waits until every model is loaded. The caller stops
 * the engine; where the start fails, nothing of it is left.
 */
export async function startEngine(
  config: Config,
  { env, output, log, signal }: EngineSurroundings,
): Promise<StartedEngine> {
  const { cacheDir } = config.server;
  const progress = createProgress(output, () => performance.now());
  const library = await ensureEngineLibrary({ cacheDir, env, progress, log, signal });
  if (!library.ok) {
    const { code, message } = library.failure;
    return { ok: false, message, exitCode: 1, fatal: isLocal(code) };
  }
  const models = new Map<string, EngineModel>();
  for (const [id, { file, sequences, context, defaults }] of config.engine.models) {
    const ensured = await ensureModel({
      // Used only without a file: the configuration ensures that every other model has one.
      spec: defaultModel,
      cacheDir,
      env,
      machine: thisMachine(),
      progress,
      log,
      signal,
      ...(file === undefined ? {} : { localFile: file }),
    });
    if (!ensured.ok) {
      const { code, message } = ensured.failure;
      return {
        ok: false,
        message,
        exitCode: file === undefined ? 1 : 2,
        fatal: file !== undefined || isLocal(code),
      };
    }
    models.set(id, {
      file: ensured.value.file,
      sequences,
      ...(defaults === undefined ? {} : { defaults }),
      ...(context === undefined ? {} : { context }),
    });
  }

  const { threads, queue, flashAttention } = config.engine;
  const options: EngineOptions = {
    models,
    queue,
    flashAttention,
    log,
    logContent: config.logging.content,
    environment: env,
    useOf: useOfProcess,
    ...(library.value === undefined ? {} : { library: library.value }),
    ...(threads === undefined ? {} : { threads }),
  };
  const engine = createEngine(options);
  const started = await engine.start(signal);
  if (started.ok) return { ok: true, engine };
  await engine.stop();
  const { message, detail } = started.failure;
  return {
    ok: false,
    message: detail === undefined ? message : `${message} (${detail})`,
    exitCode: 1,
    fatal: true,
  };
}

/** A problem of this machine, which the operator must know even where upstreams can serve. */
function isLocal(code: ModelFailureCode): boolean {
  return code === 'disk_full' || code === 'unwritable';
}
