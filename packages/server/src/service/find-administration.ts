import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { readKeyFile } from '../access/key-files.ts';
import type { Config } from '../config/config.ts';
import { formatProblem } from '../config/config-problem.ts';
import { type Environment, environmentVariable } from '../config/environment.ts';
import { loadConfig } from '../config/load-config.ts';
import { processLives, readServerFile, type ServerFile } from './server-file.ts';

export interface AdministrationPlace {
  /** The values of `--config` and `--data-dir`. */
  readonly config?: string | undefined;
  readonly dataDir?: string | undefined;
  readonly env: Environment;
  /** Absolute. */
  readonly cwd: string;
  /** Whether a store is made where no server runs and there is none. */
  readonly creates: boolean;
  /** Fails where no server runs, instead of opening its store. */
  readonly needsServer?: boolean;
  /** Receives what the operator should know of a store that is opened. */
  note(line: string): void;
  /** Whether an HTTP server answers at a URL. */
  answers(url: string): Promise<boolean>;
  /** How long a server that is starting is waited for; default: 5 s. */
  readonly startingMs?: number;
}

/** Where a command finds the routes under `/admin/v1`. */
export type FoundAdministration =
  | {
      readonly ok: true;
      readonly url: string;
      /** Undefined where the server asks for none. */
      readonly adminKey: string | undefined;
      /** Where this key was found, in words. */
      readonly keyFrom: string;
      /** Where keys and records are: `on the server at URL`, or `in` and the store. */
      readonly where: string;
      /** The names of all models, where no server runs that could be asked. */
      readonly modelNames?: readonly string[];
      /** Closes what was opened for this command. */
      close(): Promise<void>;
    }
  /** `message`: one line for each problem. */
  | { readonly ok: false; readonly message: string; readonly exitCode: 1 | 2 };

/** Finds the server that uses the data folder; where none runs, opens the store for this command. The caller closes it. */
export async function findAdministration(place: AdministrationPlace): Promise<FoundAdministration> {
  const { env, cwd, config: file, dataDir: folder } = place;
  const flags = {
    ...(file === undefined ? {} : { config: file }),
    ...(folder === undefined ? {} : { dataDir: folder }),
  };
  const loaded = await loadConfig({ env, cwd, flags });
  const config = loaded.ok ? loaded.config : undefined;
  // A server is found by its folder alone: this shell may lack the variables that the file of the server names.
  const named = folder ?? environmentVariable(env, 'TAILRACE_DATA_DIR');
  const dataDir = config?.server.dataDir ?? (named === undefined ? undefined : path.resolve(cwd, named));
  const server = dataDir === undefined ? undefined : await startedServer(dataDir, place);
  if (server !== undefined && dataDir !== undefined) {
    const { url, pid, starting = false } = server;
    if (starting) {
      const message = `the server at ${url} (process ${pid}) is still starting: its model is not loaded yet; try again in a moment`;
      return { ok: false, message, exitCode: 1 };
    }
    const key = await adminKeyOf(config, dataDir, env);
    return key.ok
      ? { ...key, url, where: `on the server at ${url}`, close: async () => {} }
      : { ...key, exitCode: 1 };
  }
  if (!loaded.ok) return { ok: false, message: loaded.problems.map(formatProblem).join('\n'), exitCode: 2 };
  if (place.needsServer === true) {
    const message = `no server runs on the data folder ${dataDir}; start one with tailrace serve`;
    return { ok: false, message, exitCode: 1 };
  }
  // Imported here: with a server that runs, no store is opened.
  const { openAdministration } = await import('./open-administration.ts');
  const opened = await openAdministration(loaded.config, place);
  // A folder without a store is most often a mistyped one.
  const modelNames = [...loaded.config.models].flatMap(([id, { aliases }]) => [id, ...aliases]);
  return opened.ok
    ? { ...opened, keyFrom: 'this command', modelNames }
    : { ...opened, exitCode: opened.missing ? 2 : 1 };
}

const pollMs = 100;

/** The server that uses this folder. One that is starting is waited for; where it takes longer, it is returned as it is. */
async function startedServer(
  dataDir: string,
  { answers, startingMs = 5_000 }: AdministrationPlace,
): Promise<ServerFile | undefined> {
  for (let waitedMs = 0; ; waitedMs += pollMs) {
    const server = await runningServer(dataDir, answers);
    if (server?.starting !== true || waitedMs >= startingMs) return server;
    await delay(pollMs);
  }
}

/** The server that uses this folder, starting or not; undefined where none runs. */
export async function runningServer(
  dataDir: string,
  answers: AdministrationPlace['answers'],
): Promise<ServerFile | undefined> {
  const file = await readServerFile(dataDir);
  if (file === undefined || !processLives(file.pid)) return undefined;
  // The id of a server that was killed may have been given to another process.
  return (await answers(file.url)) ? file : undefined;
}

type AdminKey =
  | { readonly ok: true; readonly adminKey: string | undefined; readonly keyFrom: string }
  | { readonly ok: false; readonly message: string };

async function adminKeyOf(config: Config | undefined, dataDir: string, env: Environment): Promise<AdminKey> {
  if (config?.auth.required === false)
    return { ok: true, adminKey: undefined, keyFrom: 'auth.required: false' };
  const inEnvironment = environmentVariable(env, 'TAILRACE_ADMIN_KEY');
  const adminKey = config?.auth.adminKeys[0] ?? inEnvironment;
  if (adminKey !== undefined) {
    const inFile = `auth.admin_keys in ${config?.file ?? 'the configuration'}`;
    return { ok: true, adminKey, keyFrom: inEnvironment === undefined ? inFile : 'TAILRACE_ADMIN_KEY' };
  }
  const file = await readKeyFile(dataDir, 'admin-key');
  if (file.ok) return { ok: true, adminKey: file.key, keyFrom: file.file };
  const where = 'put the admin key of the running server into TAILRACE_ADMIN_KEY';
  return { ok: false, message: `${file.file}: ${file.message}; ${where}` };
}
