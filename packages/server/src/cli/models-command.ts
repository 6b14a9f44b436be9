import path from 'node:path';
import { defaultCacheDir, thisMachine } from '../config/cache-dir.ts';
import { environmentVariable } from '../config/environment.ts';
import { defaultModel } from '../models/default-model.ts';
import { ensureEngineLibrary } from '../models/engine-library.ts';
import { ensureModel } from '../models/ensure-model.ts';
import { type ListedModel, listModels } from '../models/list-models.ts';
import { createProgress } from '../models/progress.ts';
import type { Log } from '../telemetry/log.ts';
import { complain } from './administer.ts';
import type { CommandIo } from './command-io.ts';
import { print } from './print.ts';
import { readWords } from './read-words.ts';
import { unknownCommand } from './unknown-command.ts';

const help = `Usage: tailrace models pull [--engine-only] | list

  pull    download the default model (${defaultModel.id}, ${Math.round(defaultModel.bytes / 1e6)} MB)
          and the engine that runs it into the cache; --engine-only: without the model
  list    list the models on this machine

The cache is the folder in TAILRACE_CACHE_DIR, else the platform's own.
`;

// The command prints each failure itself; the log would repeat it.
const noLog: Log = { debug() {}, info() {}, warn() {}, error() {} };

/** `tailrace models …`. Resolves to the exit code. 0: done; 1: the model is not available; 2: wrong usage. */
export async function modelsCommand(args: readonly string[], io: CommandIo): Promise<number> {
  const usage = readUsage(args);
  if (usage.problem !== undefined) {
    return complain(io, usage.problem, 2);
  }
  const named = environmentVariable(io.env, 'TAILRACE_CACHE_DIR');
  const cacheDir = named === undefined ? defaultCacheDir(io.env, thisMachine()) : path.resolve(io.cwd, named);
  switch (usage.command) {
    case 'help':
      await print(io, help);
      return 0;
    case 'list':
      return await list(cacheDir, io);
    case 'pull':
      return await pull(cacheDir, usage.engineOnly, io);
  }
}

type Usage =
  | { readonly command: 'help' | 'list'; readonly problem?: undefined }
  | { readonly command: 'pull'; readonly engineOnly: boolean; readonly problem?: undefined }
  | { readonly command?: undefined; readonly problem: string };

function readUsage(args: readonly string[]): Usage {
  const read = readWords(args, { values: [], switches: ['--help', '--engine-only'] });
  if (!read.ok) return { problem: `${read.message}; see tailrace models --help` };
  const [command, extra] = read.words;
  if (read.on.has('--help') || command === 'help') return { command: 'help' };
  if (command !== 'pull' && command !== 'list')
    return { problem: unknownCommand('models', command, ['pull', 'list']) };
  const engineOnly = read.on.has('--engine-only');
  if (command === 'pull' && extra === undefined) return { command, engineOnly };
  if (command === 'list' && extra === undefined && !engineOnly) return { command };
  if (extra === undefined) return { problem: '--engine-only is for models pull' };
  return { problem: `unexpected ${JSON.stringify(extra)}; see tailrace models --help` };
}

async function pull(cacheDir: string, engineOnly: boolean, io: CommandIo): Promise<number> {
  const shared = {
    cacheDir,
    env: io.env,
    progress: createProgress(io.stderr, () => performance.now()),
    log: noLog,
    signal: new AbortController().signal,
  };
  const library = await ensureEngineLibrary(shared);
  if (library.ok && engineOnly) {
    await print(io, `${library.value ?? 'beside this server'}\n`);
    return 0;
  }
  const outcome = library.ok
    ? await ensureModel({ ...shared, spec: defaultModel, machine: thisMachine() })
    : library;
  if (!outcome.ok) {
    io.stderr.write(`tailrace: ${outcome.failure.message}\n`);
    return 1;
  }
  await print(io, `${outcome.value.file}\n`);
  return 0;
}

async function list(cacheDir: string, io: CommandIo): Promise<number> {
  const models = await listModels(cacheDir, [defaultModel], new AbortController().signal);
  await print(io, models.map(line).join(''));
  return 0;
}

function line(model: ListedModel): string {
  const size = model.bytes === undefined ? '' : `${(model.bytes / 1e6).toFixed(0)} MB`;
  return `${model.id.padEnd(28)} ${size.padStart(9)}  ${stateOf(model)}\n`;
}

function stateOf({ id, file, state }: ListedModel): string {
  if (state === 'absent') return `absent (tailrace models pull)  ${file}`;
  if (state === 'ready') return `ready  ${file}`;
  // Its message names the file. Only the default model can be fetched.
  const way = id === defaultModel.id ? 'tailrace models pull fetches it again' : 'replace it or remove it';
  return `broken: ${state.broken}; ${way}`;
}
