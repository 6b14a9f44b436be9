import { performance } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import { createStoredKeys } from '../access/stored-keys.ts';
import { createApp, type HandleRequest } from '../app.ts';
import type { Config } from '../config/config.ts';
import { formatProblem } from '../config/config-problem.ts';
import { withVariableNames } from '../config/environment-values.ts';
import type { LoadedConfig, Reload } from '../config/load-config.ts';
import { failure } from '../domain/failure.ts';
import type { Engine } from '../engine/parent/engine.ts';
import { budgetFor, createBodyBudget, heldBudgetFor } from '../http/body-budget.ts';
import { createBodyTurns } from '../http/body-turns.ts';
import { createLoadShed } from '../http/load-shed.ts';
import type { Reloaded } from '../http/routes/admin-reload.ts';
import type { Journal } from '../journal/contract.ts';
import type { Ledger } from '../ledger/contract.ts';
import { createLikelyCompletion } from '../metering/likely-completion.ts';
import type { OpenRecord } from '../metering/open-record.ts';
import { reportProgress } from '../metering/progress-clock.ts';
import type { Peers } from '../peers/contract.ts';
import { cancelRun } from '../relay/cancel-run.ts';
import { createRunRegistry } from '../relay/run-registry.ts';
import { createAffinity } from '../routing/affinity.ts';
import { createHealth } from '../routing/health.ts';
import type { ServerLog } from '../telemetry/create-log.ts';
import type { Upstream } from '../upstreams/contract.ts';
import type { CreatedUpstreams } from '../upstreams/registry.ts';
import { nearestLimit, processMemory } from './memory-use.ts';
import { settingsThatNeedRestart } from './needs-restart.ts';
import { createOpenExchanges } from './open-exchanges.ts';
import { createReloadQueue } from './reload-queue.ts';
import type { FoundKeys, ServingKeys } from './serving-keys.ts';

export interface ServiceParts {
  readonly config: Config;
  /** Whether the file of this configuration sets anything. */
  readonly fileHasContent: boolean;
  readonly engine: Engine | undefined;
  readonly log: ServerLog;
  readonly upstreams: CreatedUpstreams;
  readonly keys: ServingKeys;
  /** Keys, limits and records. The caller closes it after the service has drained. */
  readonly ledger: Ledger;
  /** The streams that outlive their connections. The caller closes it after the service has drained. */
  readonly journal: Journal;
  /** The other processes of the service. The caller closes them after the service has drained. */
  readonly peers: Peers;
  /** Reads flags, environment and file again. `inForce`: facts about the file that is in force then. */
  load(inForce: Reload): Promise<LoadedConfig>;
  /** An upstream whose configuration is as in `before` is taken over from there. */
  createUpstreams(config: Config, before: CreatedUpstreams): Promise<CreatedUpstreams>;
  /** The fixed keys that a configuration puts in the place of those in force. */
  keysForReload(config: Config, inForce: ServingKeys): Promise<FoundKeys>;
  /** Called before a configuration comes into force. The log must mask its secrets and these keys from then on. */
  onSecrets(config: Config, keys: ServingKeys): void;
}

/** The running server: the configuration in force, and everything that outlives a reload. */
export interface Service {
  readonly handle: HandleRequest;
  /**
   * Reads the configuration and puts it in force as a whole; where it has a problem, it changes nothing and returns the
   * problems. Never rejects. Once a shutdown has begun, it changes nothing and resolves at once.
   */
  reload(): Promise<Reloaded>;
  /** The number of runs that have not ended. */
  running(): number;
  /**
   * Refuses new requests. Resolves when every run has ended and the last byte of every answer has been sent. Runs that
   * take longer than `timeouts.drain` end with the failure `draining`.
   */
  drain(): Promise<void>;
  /** The configuration in force. */
  config(): Config;
  /** Ends every run now, with the failure `draining`. */
  stopAll(): void;
}

export function createService(parts: ServiceParts): Service {
  const { engine, log, ledger, peers } = parts;
  const runs = createRunRegistry();
  peers.serve({ cancel: (order) => cancelRun(runs, order) });
  let { config, fileHasContent } = parts;
  let inForce = parts.upstreams;
  let keysInForce = parts.keys;
  const health = createHealth(
    () => config.breaker,
    () => performance.now(),
  );
  const affinity = createAffinity();
  const heldCapacityBytes = heldBudgetFor(getHeapStatistics().heap_size_limit);
  const bodies = {
    held: createBodyBudget(() => heldCapacityBytes),
    budget: createBodyBudget(() => budgetFor(config.server.maxBodyBytes)),
    turns: createBodyTurns({ now: () => performance.now(), later: setImmediate }),
  };
  const shed = createLoadShed({
    limits: () => config.server.shed,
    running: () => runs.size,
    memory: () => nearestLimit(processMemory()),
    now: () => performance.now(),
    every: (milliseconds, tick) => {
      const timer = setInterval(tick, milliseconds).unref();
      return () => clearInterval(timer);
    },
    log,
  });
  const openRecords = new Set<OpenRecord>();
  const likely = createLikelyCompletion();
  reportProgress({ open: openRecords, ledger });
  const storedKeys = createStoredKeys({ ledger, now: () => performance.now() });
  const ended = new AbortController();
  void storedKeys.follow(ended.signal, (error) => {
    log.warn('the stored keys cannot be read yet; the fixed keys are served', { reason: String(error) });
  });
  let draining = false;
  const reloads = createReloadQueue(reload);
  const exchanges = createOpenExchanges();

  const compose = (next: Config, { upstreams }: CreatedUpstreams, keys: ServingKeys): HandleRequest =>
    createApp({
      config: next,
      keys,
      storedKeys,
      ledger,
      openRecords,
      likely,
      upstreams: withEngine(upstreams, engine),
      log,
      runs,
      journal: parts.journal,
      peers,
      health,
      affinity,
      bodies,
      shed,
      loaded: () => engine === undefined || engine.ready(),
      draining: () => draining,
      reload: reloads.request,
    });
  let handle = compose(config, parts.upstreams, parts.keys);

  async function reloadOnce(): Promise<Reloaded> {
    const loaded = await parts.load({ fileHasContent });
    if (!loaded.ok) return refused(loaded.problems.map(formatProblem));
    // Without its file the server would serve only the default model. The file may also be missing for a moment, while a
    // program replaces it.
    if (config.file !== undefined && loaded.config.file === undefined) {
      return refused([`cannot read ${config.file}: there is no such file any more`]);
    }
    const fixed = settingsThatNeedRestart(config, loaded.config);
    if (fixed.length > 0)
      return refused(fixed.map((setting) => `${setting} cannot change while the server runs; restart it`));
    const found = await parts.keysForReload(loaded.config, keysInForce);
    if (!found.ok) return refused(found.problems);
    const upstreams = await parts.createUpstreams(loaded.config, inForce);
    const withNames = withVariableNames(() => loaded.environmentValues);
    if (upstreams.problems.length > 0 || draining) {
      // These upstreams belong to a configuration that does not come into force.
      upstreams.retire(inForce);
      return upstreams.problems.length > 0 ? refused(upstreams.problems.map(withNames)) : shuttingDown;
    }
    parts.onSecrets(loaded.config, found.keys);
    handle = compose(loaded.config, upstreams, found.keys);
    config = loaded.config;
    fileHasContent = loaded.fileHasContent;
    keysInForce = found.keys;
    // Running requests keep their upstreams; the connections close when these requests have ended.
    inForce.retire(upstreams);
    inForce = upstreams;
    health.keep([...config.models.values()].flatMap(({ targets }) => targets));
    log.setLevel(config.logging.level);
    return { problems: [], warnings: [...found.warnings, ...loaded.warnings] };
  }

  async function reload(): Promise<Reloaded> {
    const reloaded = await reloadOnce().catch((error: unknown) =>
      refused([error instanceof Error ? error.message : String(error)]),
    );
    const { problems, warnings } = reloaded;
    if (problems.length === 0) log.info('configuration reloaded');
    for (const warning of warnings) log.warn(warning);
    for (const problem of problems) log.error('configuration not reloaded', { problem });
    return reloaded;
  }

  return {
    handle: async (request, response, expectsContinue) => {
      exchanges.begin();
      try {
        await handle(request, response, expectsContinue);
      } finally {
        exchanges.end();
      }
    },
    reload: reloads.request,
    running: () => runs.size,
    config: () => config,
    drain: async () => {
      draining = true;
      reloads.close(shuttingDown);
      const { drainMs } = config.timeouts;
      const message = `The server shut down; this answer was not done within the ${drainMs} ms it had left.`;
      const timer = setTimeout(() => runs.stopAll(failure('draining', message)), drainMs);
      await runs.idle();
      clearTimeout(timer);
      // A run may have ended before a slow client has received all bytes of its answer.
      await exchanges.none();
      ended.abort();
    },
    stopAll: () => {
      draining = true;
      reloads.close(shuttingDown);
      runs.stopAll(failure('draining', 'The server was stopped.'));
    },
  };
}

/** The answer of a reload that has changed nothing. */
function refused(problems: readonly string[]): Reloaded {
  return { problems, warnings: [] };
}

const shuttingDown = refused(['the server is shutting down']);

function withEngine(
  upstreams: ReadonlyMap<string, Upstream>,
  engine: Engine | undefined,
): ReadonlyMap<string, Upstream> {
  return engine === undefined ? upstreams : new Map<string, Upstream>([...upstreams, [engine.name, engine]]);
}
