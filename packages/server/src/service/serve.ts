import { setTimeout as delay } from 'node:timers/promises';
import { newRequestId } from '../app.ts';
import type { Config } from '../config/config.ts';
import { formatProblem } from '../config/config-problem.ts';
import { configSecrets } from '../config/config-secrets.ts';
import type { Environment } from '../config/environment.ts';
import { withVariableNames } from '../config/environment-values.ts';
import type { LoadedConfig, Reload } from '../config/load-config.ts';
import type { ConfigFlags } from '../config/overrides.ts';
import type { Engine } from '../engine/parent/engine.ts';
import type { Journal } from '../journal/contract.ts';
import type { Ledger } from '../ledger/contract.ts';
import { startLedger } from '../ledger/ledger-thread.ts';
import type { LedgerSettings } from '../ledger/settings.ts';
import type { Peers } from '../peers/contract.ts';
import { limiterName, storeName } from '../storage/store-name.ts';
import { createLog } from '../telemetry/create-log.ts';
import type { Log } from '../telemetry/log.ts';
import { createChangingRedact } from '../telemetry/redact.ts';
import { type CreatedUpstreams, createUpstreams, type UpstreamDeps } from '../upstreams/registry.ts';
import { createConfigThread, loadForStart } from './config-thread.ts';
import { createDeferredReload, type DeferredReload } from './deferred-reload.ts';
import { createListener } from './listener.ts';
import { logKeyChange } from './log-key-change.ts';
import { openJournal } from './open-journal.ts';
import { openPeers } from './open-peers.ts';
import { watchParent } from './parent-watch.ts';
import { localUrl, removeServerFile, writeServerFile } from './server-file.ts';
import { createService, type Service } from './service.ts';
import { type FoundKeys, keysForReload, keysForStart, type ServingKeys } from './serving-keys.ts';
import { listenForShutdown, type Shutdown } from './shutdown.ts';
import { dataDirProblem, listenProblem } from './system-problem.ts';

/** How long the error events of stopped streams have to leave. A slower reader has had the whole drain. */
const lastBytesMs = 500;

/** A thread that does not end within this time ends with the process. */
const threadEndMs = 1_000;

export interface ServeOptions {
  readonly env: Environment;
  /** Absolute. */
  readonly cwd: string;
  readonly flags: ConfigFlags;
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
  /** Absent where no engine runs. */
  readonly engine: Pick<Engine, 'models' | 'describe'> | undefined;
}

/** How the life of a server ended: after a shutdown, or with a problem that the operator must solve. */
export type Served =
  | { readonly ok: true }
  | {
      readonly ok: false;
      /** 1: it failed while it ran. 2: flags, environment or configuration are wrong. */
      readonly exitCode: 1 | 2;
      /** One line for each problem. */
      readonly message: string;
    };

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
  { env, output, load, shutdown, reloads, onServing, onDraining }: Surroundings,
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
  const { redact, replace } = createChangingRedact();
  const onSecrets = (next: Config, { apiKeys, adminKeys }: ServingKeys) =>
    replace([...configSecrets(next), ...apiKeys, ...adminKeys], next.auth.keyPrefix);
  onSecrets(config, keys);
  const log = createLog({
    ...config.logging,
    stream: output,
    now: Date.now,
    colour: output.isTTY === true,
    redact,
  });
  const parentPid = Number(env['TAILRACE_PARENT_PID']);
  if (parentPid > 0) watchParent(parentPid, () => shutdown.forceEnd('the launcher has ended'));

  let service: Service | undefined;
  let journal: Journal | undefined;
  // The log tells a stop that was asked for from a process that was killed.
  void shutdown.asked.then(() =>
    log.info('shutting down', { reason: shutdown.reason(), running: service?.running() ?? 0 }),
  );
  const listener = createListener(() => service?.handle, { log, newRequestId });
  let port: number;
  try {
    port = await listener.listen(config.server.listen);
  } catch (error) {
    return failed(1, withNames(listenProblem(error, config.server.listen)));
  }
  for (const warning of warnings) log.warn(warning);

  let engine: Engine | undefined;
  let ledger: Ledger | undefined;
  let peers: Peers | undefined;
  try {
    const opened = await startLedger(ledgerSettings(config, localUrl(config.server.listen, port)), log);
    if (!opened.ok) return failed(opened.wrong ? 2 : 1, withNames(opened.message));
    ledger = opened.ledger;
    peers = await openPeers(config.storage.redisUrl, log);
    // Named before its models are loaded: commands find the holder of the store.
    await nameServer(config, port, log, { starting: true });
    log.info(`keys and records in ${storeOf(config)}; limits in ${limiterName(config.storage.redisUrl)}`);
    const upstreams = await upstreamsOf(config, env, log);
    if (upstreams.problems.length > 0) return failed(2, withNames(upstreams.problems.join('\n')));

    if (config.engine.models.size > 0) {
      // Imported here: a server without an engine does not need these rooms.
      const { startEngine } = await import('./start-engine.ts');
      const started = await startEngine(config, { env, output, log, signal: shutdown.signal });
      if (shutdown.signal.aborted) return ended;
      if (started.ok) {
        engine = started.engine;
      } else {
        // Upstreams can serve without the engine; without upstreams there is nothing to serve.
        if (upstreams.upstreams.size === 0 || started.fatal) return failed(started.exitCode, started.message);
        log.error(started.message);
      }
    }

    journal = await openJournal(() => service?.config() ?? config, log);
    service = createService({
      config,
      journal,
      fileHasContent,
      engine,
      log,
      upstreams,
      keys,
      ledger,
      peers,
      load,
      createUpstreams: (next, before) => upstreamsOf(next, env, log, before),
      keysForReload,
      onSecrets,
    });
    const { reload } = service;
    reloads.startWith(() => void reload());
    await nameServer(config, port, log, { starting: false });
    onServing({ config, port, keys, engine });
    await shutdown.asked;
    if (service.running() > 0) onDraining(service.running(), config.timeouts.drainMs);
    await drain(service, config, shutdown);
    return ended;
  } finally {
    await removeServerFile(config.server.dataDir, process.pid);
    await engine?.stop();
    listener.destroy();
    await journal?.close();
    await peers?.close();
    await ledger?.close();
    if (shutdown.signal.aborted) log.info('stopped');
  }
}

/**
 * At a second signal, or at the end of the drain, it stops every stream and waits `lastBytesMs` for the last bytes.
 */
async function drain(service: Service, { timeouts }: Config, { forced }: Shutdown): Promise<void> {
  const drained = service.drain();
  await Promise.race([drained, forced, delay(timeouts.drainMs, undefined, { ref: false })]);
  service.stopAll();
  await Promise.race([drained, delay(lastBytesMs, undefined, { ref: false })]);
}

/** Commands find this server by the file; without it they still find the lock of the data folder. */
async function nameServer(
  config: Config,
  port: number,
  log: Log,
  { starting }: { readonly starting: boolean },
): Promise<void> {
  const { listen, dataDir } = config.server;
  const file = { pid: process.pid, url: localUrl(listen, port), store: storeOf(config), starting };
  try {
    await writeServerFile(dataDir, file);
  } catch (error) {
    // Said once, when the server serves.
    if (starting) return;
    const reason = error instanceof Error ? error.message : String(error);
    log.warn('the data folder cannot be written; commands will not find this server', { reason });
  }
}

function ledgerSettings(
  { server, storage, limits, usage }: Config,
  address: string,
): Omit<LedgerSettings, 'processId'> {
  const { databaseUrl, redisUrl, retentionMs, spoolBytes } = storage;
  const { onStoreFailure, replicas } = limits;
  return {
    dataDir: server.dataDir,
    address,
    ...(databaseUrl === undefined ? {} : { databaseUrl }),
    ...(redisUrl === undefined ? {} : { redisUrl }),
    ...(server.publicUrl === undefined ? {} : { publicUrl: server.publicUrl }),
    ...(usage.webhook === undefined ? {} : { webhook: usage.webhook }),
    ...{ retentionMs, spoolBytes, onStoreFailure, replicas },
  };
}

function storeOf({ server, storage }: Config): string {
  return storeName({ dataDir: server.dataDir, databaseUrl: storage.databaseUrl });
}

const ended: Served = { ok: true };

function failed(exitCode: 1 | 2, message: string): Served {
  return { ok: false, exitCode, message };
}

function upstreamsOf(
  { upstreams, timeouts, stream }: Config,
  env: Environment,
  log: Log,
  before?: CreatedUpstreams,
): Promise<CreatedUpstreams> {
  const deps: UpstreamDeps = {
    env,
    connectMs: timeouts.connectMs,
    maxEventBytes: stream.maxEventBytes,
    onKeyChange: (upstream, change) => logKeyChange(log, upstream, change),
  };
  return createUpstreams(upstreams, deps, before);
}
