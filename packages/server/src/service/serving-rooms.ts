import { performance } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import type { SignIns } from '../access/sign-ins.ts';
import { createStoredKeys } from '../access/stored-keys.ts';
import { createApp, type HandleRequest } from '../app.ts';
import type { Config } from '../config/config.ts';
import { withVariableNames } from '../config/environment-values.ts';
import { version } from '../config/version.ts';
import { failure } from '../domain/failure.ts';
import { createFaultLab } from '../fault-lab/fault-lab.ts';
import { hasFaultLab } from '../fault-lab/has-fault-lab.ts';
import { budgetFor, createBodyBudget, heldBudgetFor } from '../http/body-budget.ts';
import { createBodyTurns } from '../http/body-turns.ts';
import { createLoadShed } from '../http/load-shed.ts';
import { createOwnView, type OwnView } from '../http/own-view.ts';
import type { Places } from '../http/places.ts';
import type { Reloaded } from '../http/routes/admin-reload.ts';
import type { ServiceView } from '../http/service-view.ts';
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
import type { Reading } from '../telemetry/contract.ts';
import type { ServerLog } from '../telemetry/create-log.ts';
import { createInstruments } from '../telemetry/instruments.ts';
import type { SeriesReader } from '../telemetry/series/series.ts';
import type { Tracing } from '../telemetry/traces/contract.ts';
import { timers } from '../timers/timer-queue.ts';
import type { Upstream } from '../upstreams/contract.ts';
import type { CreatedUpstreams } from '../upstreams/registry.ts';
import { type EngineReading, measureEngine, measureProcess, measureRooms } from './measure-rooms.ts';
import { nearestLimit, processMemory } from './memory-use.ts';
import { createOpenExchanges } from './open-exchanges.ts';
import { secretsOf } from './service-log.ts';
import type { ServingKeys } from './serving-keys.ts';
import type { ServedConfig } from './serving-processes.ts';

export interface ServingRoomsParts {
  readonly config: Config;
  readonly keys: ServingKeys;
  readonly engine: ServedEngine | undefined;
  readonly log: ServerLog;
  readonly upstreams: CreatedUpstreams;
  /** Keys, limits and records. The caller closes it after the service has drained. */
  readonly ledger: Ledger;
  /** The streams that outlive their connections. The caller closes it after the service has drained. */
  readonly journal: Journal;
  /** The other processes of the service. The caller closes them after the service has drained. */
  readonly peers: Peers;
  /** Collects spans. Default: requests are not traced. The caller closes it after the service has drained. */
  readonly tracing?: Tracing | undefined;
  /** The runs and targets of all processes of the service. Default: this is the only one. */
  readonly everywhere?: ServiceView;
  /** The sign-ins of browsers, of the whole service. */
  readonly signIns: SignIns;
  /** The time series of all processes of the service. */
  readonly series: SeriesReader;
  /** What all processes of the service have counted. Default: this is the only one. */
  readonly metrics?: () => Promise<Reading>;
  /** How the metrics of this process call it. Default: `server`. */
  readonly processName?: string;
  /** The places for runs. Default: those of the configuration, all for this process. */
  readonly places?: Places;
  /** The processes that share the memory of the machine. Default: 1. */
  readonly sharers?: number;
  /** An upstream whose configuration is as in `before` is taken over from there. */
  createUpstreams(config: Config, before: CreatedUpstreams): Promise<CreatedUpstreams>;
  /** Called before a configuration comes into force. The log must mask its secrets and these keys from then on. */
  onSecrets(config: Config, keys: ServingKeys): void;
  /** Reloads the configuration of the service. */
  reload(): Promise<Reloaded>;
}

/** The local engine, in this process or in another one. */
export interface ServedEngine extends Upstream, Partial<EngineReading> {
  ready(): boolean;
}

/** The rooms of one process that answers requests: the configuration in force, and everything that outlives a reload. */
export interface ServingRooms {
  readonly handle: HandleRequest;
  /**
   * Resolves when the keys of the store are known here, or cannot be had for now. A process that answers before refuses sessions and
   * signed addresses for a store that is away, although it is not. Never rejects.
   */
  readonly keysRead: Promise<void>;
  /** The runs of this process, and the health of targets as it sees it. */
  readonly view: OwnView;
  /** All that this process has counted. */
  reading(): Reading;
  /** Makes ready what the next configuration needs. Nothing changes before it is committed. */
  prepare(next: Pick<ServedConfig, 'config' | 'keys' | 'environmentValues'>): Promise<PreparedConfig>;
  /** The number of runs that have not ended, and of those that are about to begin. */
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

/** A configuration that can come into force; one of the two methods is called, once. */
export interface PreparedConfig {
  /** Why it cannot come into force: then it is discarded. */
  readonly problems: readonly string[];
  commit(): void | Promise<void>;
  discard(): void | Promise<void>;
}

/** A start waits so long for the keys of the store; a store that hangs does not hold it up. */
const longestKeyReadMs = 2_000;

export function createServingRooms(parts: ServingRoomsParts): ServingRooms {
  const { engine, log, ledger, peers } = parts;
  const runs = createRunRegistry();
  peers.serve({ cancel: (order) => cancelRun(runs, order) });
  let { config } = parts;
  let inForce = parts.upstreams;
  const health = createHealth(
    () => config.breaker,
    () => performance.now(),
  );
  const instruments = createInstruments();
  measureRooms(instruments, {
    ...{ runs, health, journal: parts.journal },
    streamsLimit: () => config.server.maxStreams,
  });
  measureProcess(instruments, parts.processName ?? 'server', version());
  // That of another process is measured there.
  if (engine?.reading !== undefined) measureEngine(instruments, { reading: engine.reading });
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
    memory: () => nearestLimit(processMemory(), parts.sharers),
    now: () => performance.now(),
    every: (milliseconds, tick) => {
      const timer = setInterval(tick, milliseconds).unref();
      return () => clearInterval(timer);
    },
    log,
    delays: instruments.loopDelayMs,
  });
  const faultLab = createFaultLab({ timers });
  const openRecords = new Set<OpenRecord>();
  const likely = createLikelyCompletion();
  reportProgress({ open: openRecords, ledger });
  const storedKeys = createStoredKeys({ ledger, now: () => performance.now() });
  const ended = new AbortController();
  const keysRead = new Promise<void>((resolve) => {
    setTimeout(resolve, longestKeyReadMs).unref();
    const reading = storedKeys.follow(ended.signal, (error) => {
      log.warn('the stored keys cannot be read yet; the fixed keys are served', { reason: String(error) });
      resolve();
    });
    void reading.then(resolve);
  });
  const mask = (next: Config, keys: ServingKeys) =>
    // Where the ledger's thread ends just now, its successor gets them.
    void ledger.mask(secretsOf(next, keys), next.auth.keyPrefix).catch(() => {});
  mask(config, parts.keys);
  let draining = false;
  const exchanges = createOpenExchanges();
  const view = createOwnView(runs, health);

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
      signIns: parts.signIns,
      view: parts.everywhere,
      instruments,
      metrics: parts.metrics,
      series: parts.series,
      tracing: parts.tracing,
      places: parts.places,
      faultLab,
      loaded: () => engine === undefined || engine.ready(),
      draining: () => draining,
      reload: parts.reload,
    });
  let handle = compose(config, parts.upstreams, parts.keys);

  async function prepare({
    config: next,
    keys,
    environmentValues,
  }: Pick<ServedConfig, 'config' | 'keys' | 'environmentValues'>): Promise<PreparedConfig> {
    const upstreams = await parts.createUpstreams(next, inForce);
    const discard = () => upstreams.retire(inForce);
    const problems = upstreams.problems.map(withVariableNames(() => environmentValues));
    return {
      problems: problems.length === 0 && draining ? [shuttingDown] : problems,
      discard,
      commit() {
        if (draining) {
          discard();
          return;
        }
        parts.onSecrets(next, keys);
        mask(next, keys);
        handle = compose(next, upstreams, keys);
        config = next;
        if (!hasFaultLab(next)) faultLab.closeWhenIdle();
        // Running requests keep their upstreams; the connections close when these requests have ended.
        inForce.retire(upstreams);
        inForce = upstreams;
        health.keep([...config.models.values()].flatMap(({ targets }) => targets));
        log.setLevel(config.logging.level);
      },
    };
  }

  return {
    keysRead,
    handle: async (request, response, expectsContinue) => {
      exchanges.begin();
      try {
        await handle(request, response, expectsContinue);
      } finally {
        exchanges.end();
      }
    },
    view,
    reading: instruments.read,
    prepare,
    running: () => runs.size,
    config: () => config,
    drain: async () => {
      draining = true;
      const { drainMs } = config.timeouts;
      const message = `The server shut down; this answer was not done within the ${drainMs} ms it had left.`;
      const timer = setTimeout(() => runs.stopAll(failure('draining', message)), drainMs);
      await runs.idle();
      clearTimeout(timer);
      // A run may have ended before a slow client has received all bytes of its answer.
      await exchanges.none();
      await faultLab.close();
      ended.abort();
    },
    stopAll: () => {
      draining = true;
      runs.stopAll(failure('draining', 'The server was stopped.'));
    },
  };
}

/** Why a reload changes nothing any more. */
export const shuttingDown = 'the server is shutting down';

function withEngine(
  upstreams: ReadonlyMap<string, Upstream>,
  engine: ServedEngine | undefined,
): ReadonlyMap<string, Upstream> {
  return engine === undefined ? upstreams : new Map<string, Upstream>([...upstreams, [engine.name, engine]]);
}
