import { setTimeout as delay } from 'node:timers/promises';
import { createFixedKeys } from '../access/fixed-keys.ts';
import { createSignIns } from '../access/sign-ins.ts';
import type { Config } from '../config/config.ts';
import { formatProblem } from '../config/config-problem.ts';
import type { Environment } from '../config/environment.ts';
import { withVariableNames } from '../config/environment-values.ts';
import type { LoadedConfig, Reload } from '../config/load-config.ts';
import type { ConfigFlags } from '../config/overrides.ts';
import type { Engine } from '../engine/parent/engine.ts';
import { limiterName } from '../storage/store-name.ts';
import { createConfigThread, loadForStart } from './config-thread.ts';
import { createDeferredReload, type DeferredReload } from './deferred-reload.ts';
import { drain } from './drain.ts';
import { ledgerSettings, storeOf } from './ledger-settings.ts';
import { nameServer } from './name-server.ts';
import { watchParent } from './parent-watch.ts';
import { ended, failed, type Served } from './served.ts';
import { localUrl, removeServerFile } from './server-file.ts';
import { createServiceLog } from './service-log.ts';
import { type FoundKeys, keysForReload, keysForStart, type ServingKeys } from './serving-keys.ts';
import type { ServingProcesses } from './serving-processes.ts';
import { listenForShutdown, type Shutdown } from './shutdown.ts';
import { dataDirProblem, listenProblem } from './system-problem.ts';

/** A thread that does not end within this time ends with the process. */
const threadEndMs = 1_000;

export interface ServeOptions {
  readonly env: Environment;
  /** Absolute. */
  readonly cwd: string;
  readonly flags: ConfigFlags;
  /** The file that a worker process runs. It calls `serveAsWorker`. */
  readonly workerFile: URL;
  /** Receives the log and the progress of downloads. */
  readonly output: NodeJS.WritableStream & { readonly isTTY?: boolean };
  /** Called once, when every model is loaded. The server answers requests from then on. */
  onServing(facts: ServingFacts): void;
  /** Called once, when the shutdown begins while requests run. */
  onDraining(running: number, drainMs: number): void;
}

/** What a server that answers requests can say of itself. */
export interface ServingFacts {
  readonly config: Config;
  /** The port in use, also where the configuration leaves it to the system. */
  readonly port: number;
  readonly keys: ServingKeys;
  /** Makes a code that signs one browser in to the console; undefined where no key is asked for. */
  signInCode(): string | undefined;
  /** Absent where no engine runs. */
  readonly engine: Pick<Engine, 'models' | 'describe'> | undefined;
}

/**
 * The whole life of a server in this process: configuration, keys, port, engine, service, shutdown. Resolves when
 * nothing is open any more. Takes over SIGINT, SIGTERM and SIGHUP of the process.
 */
export async function serve(options: ServeOptions): Promise<Served> {
  const { env, cwd, flags, output } = options;
  const reloads = createDeferredReload();
  // First of all: without a listener SIGHUP would end a server that is starting.
  const shutdown = listenForShutdown({ terminal: output.isTTY === true, onReload: reloads.request });
  const sources = { env, cwd, flags };
  const loaded = await Promise.race([loadForStart(sources), shutdown.asked]);
  if (loaded === undefined) return ended;
  if (!loaded.ok) return failed(2, loaded.problems.map(formatProblem).join('\n'));
  const thread = createConfigThread();
  const load = (inForce: Reload) => thread.load({ ...sources, reload: inForce });
  try {
    return await serveConfig(loaded, { ...options, load, shutdown, reloads });
  } finally {
    await Promise.race([thread.close(), delay(threadEndMs, undefined, { ref: false })]);
  }
}

interface Surroundings extends ServeOptions {
  load(inForce: Reload): Promise<LoadedConfig>;
  readonly shutdown: Shutdown;
  readonly reloads: DeferredReload;
}

async function serveConfig(
  { config, warnings, environmentValues, fileHasContent }: LoadedConfig & { readonly ok: true },
  { env, output, load, shutdown, reloads, workerFile, onServing, onDraining }: Surroundings,
): Promise<Served> {
  const withNames = withVariableNames(() => environmentValues);
  let found: FoundKeys;
  try {
    found = await keysForStart(config);
  } catch (error) {
    return failed(1, withNames(dataDirProblem(error, config.server.dataDir)));
  }
  if (!found.ok) return failed(2, found.problems.join('\n'));
  const { keys } = found;
  const { log, onSecrets } = createServiceLog(config, keys, output);
  const parentPid = Number(env['TAILRACE_PARENT_PID']);
  if (parentPid > 0) watchParent(parentPid, () => shutdown.forceEnd('the launcher has ended'));

  let processes: ServingProcesses | undefined;
  // The log tells a stop that was asked for from a process that was killed.
  void shutdown.asked.then(async () =>
    log.info('shutting down', { reason: shutdown.reason(), running: (await processes?.running()) ?? 0 }),
  );
  const first = { config, environmentValues, fileHasContent, keys };
  const signIns = createSignIns(Date.now);
  const parts = { first, signIns, env, log, load, keysForReload, onSecrets };
  // Imported here: the parent of workers does not need the rooms that serve, and a process that serves does not need those of a parent.
  const serving =
    config.server.workers > 1
      ? (await import('./parent/worker-processes.ts')).createWorkerProcesses({ ...parts, output, workerFile })
      : (await import('./this-process.ts')).createThisProcess(parts);
  let port: number;
  try {
    port = await serving.listen(config.server.listen);
  } catch (error) {
    return failed(1, withNames(listenProblem(error, config.server.listen)));
  }
  for (const warning of warnings) log.warn(warning);

  let engine: Engine | undefined;
  try {
    const opened = await serving.openLedger(ledgerSettings(config, localUrl(config.server.listen, port)));
    if (!opened.ok) return failed(opened.wrong ? 2 : 1, withNames(opened.message));
    // Named before its models are loaded: commands find the holder of the store.
    await nameServer(config, port, log, { starting: true });
    const shared = limiterName(config.storage.redisUrl);
    log.info(`keys and records in ${storeOf(config)}; limits and resumable streams in ${shared}`);
    const prepared = await serving.prepare();
    if (!prepared.ok) return failed(prepared.exitCode, withNames(prepared.message));

    if (config.engine.models.size > 0) {
      // Imported here: a server without an engine does not need these rooms.
      const { startEngine } = await import('./start-engine.ts');
      const started = await startEngine(config, { env, output, log, signal: shutdown.signal });
      if (shutdown.signal.aborted) return ended;
      if (started.ok) {
        engine = started.engine;
      } else {
        // Upstreams can serve without the engine; without upstreams there is nothing to serve.
        if (config.upstreams.size === 0 || started.fatal) return failed(started.exitCode, started.message);
        log.error(started.message);
      }
    }

    await serving.serve(engine);
    processes = serving;
    reloads.startWith(() => void serving.reload());
    await nameServer(config, port, log, { starting: false });
    onServing({
      ...{ config, port, keys, engine },
      signInCode: () => {
        const [adminKey] = createFixedKeys({ apiKeys: [], adminKeys: keys.adminKeys }, '').list;
        return adminKey === undefined ? undefined : signIns.codes.issue(adminKey.id).code;
      },
    });
    await shutdown.asked;
    const running = await serving.running();
    if (running > 0) onDraining(running, config.timeouts.drainMs);
    await drain(serving, config, shutdown);
    return ended;
  } finally {
    await removeServerFile(config.server.dataDir, process.pid);
    await engine?.stop();
    await serving.close();
    if (shutdown.signal.aborted) log.info('stopped');
  }
}
