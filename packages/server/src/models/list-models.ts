import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import type { ModelSpec } from './default-model.ts';
import { isGguf } from './gguf.ts';
import { readCache } from './model-cache.ts';

export interface ListedModel {
  readonly id: string;
  readonly file: string;
  /** Absent where the file does not exist. */
  readonly bytes?: number;
  /** `absent`: it will be downloaded when it is needed. `broken`: what is wrong with the file. */
  readonly state: 'ready' | 'absent' | { readonly broken: string };
  readonly source?: string;
}

/** The known models, then every other GGUF file in the cache folder, by name. A missing folder counts as empty. */
export async function listModels(
  cacheDir: string,
  known: readonly ModelSpec[],
  signal: AbortSignal,
): Promise<readonly ListedModel[]> {
  const listed = await Promise.all(known.map((spec) => listKnown(cacheDir, spec, signal)));
  const names = await readdir(cacheDir).catch(() => []);
  const others = names
    .filter((name) => name.endsWith('.gguf') && !known.some((spec) => spec.file === name))
    .sort();
  return [...listed, ...(await Promise.all(others.map((name) => listOther(path.join(cacheDir, name)))))];
}

async function listKnown(cacheDir: string, spec: ModelSpec, signal: AbortSignal): Promise<ListedModel> {
  const file = path.join(cacheDir, spec.file);
  const cached = await readCache(cacheDir, spec, signal);
  if (cached.ok)
    return { id: spec.id, file, bytes: cached.value.bytes, state: 'ready', source: cached.value.source };
  if (cached.failure.code === 'not_found') return { id: spec.id, file, state: 'absent' };
  return { id: spec.id, file, state: { broken: cached.failure.message } };
}

async function listOther(file: string): Promise<ListedModel> {
  const id = path.basename(file, '.gguf').toLowerCase();
  const head = await isGguf(file);
  const bytes = await stat(file).then(
    (found) => found.size,
    () => undefined,
  );
  return {
    id,
    file,
    ...(bytes !== undefined && { bytes }),
    state: head.ok ? 'ready' : { broken: head.failure.message },
  };
}
