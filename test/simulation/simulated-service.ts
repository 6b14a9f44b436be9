import { createServer, type Server } from 'node:http';
import { PassThrough } from 'node:stream';
import { createSignIns } from '../../packages/server/src/access/sign-ins.ts';
import { createStoredKeys } from '../../packages/server/src/access/stored-keys.ts';
import { createApp } from '../../packages/server/src/app.ts';
import type { Config } from '../../packages/server/src/config/config.ts';
import { createBodyBudget } from '../../packages/server/src/http/body-budget.ts';
import { createBodyTurns } from '../../packages/server/src/http/body-turns.ts';
import { createTestJournal } from '../../packages/server/src/journal/testing/test-journal.ts';
import type { Ledger } from '../../packages/server/src/ledger/contract.ts';
import { createLedgerHost, type LedgerHost } from '../../packages/server/src/ledger/host.ts';
import { createRemoteLedger } from '../../packages/server/src/ledger/remote-ledger.ts';
import { serveLedger } from '../../packages/server/src/ledger/serve-ledger.ts';
import { openSpool } from '../../packages/server/src/ledger/spool/spool.ts';
import type { MemoryDisk } from '../../packages/server/src/ledger/testing/memory-spool-files.ts';
import { createWebhook, type Webhook } from '../../packages/server/src/ledger/webhook.ts';
import type { PostEvent } from '../../packages/server/src/ledger/webhook-post.ts';
import {
  createMemoryLimiter,
  type MemoryLimiter,
} from '../../packages/server/src/limits/memory/memory-limiter.ts';
import { createLikelyCompletion } from '../../packages/server/src/metering/likely-completion.ts';
import type { OpenRecord } from '../../packages/server/src/metering/open-record.ts';
import { reportProgress } from '../../packages/server/src/metering/progress-clock.ts';
import { noPeers } from '../../packages/server/src/peers/no-peers.ts';
import { createRunRegistry, type RunRegistry } from '../../packages/server/src/relay/run-registry.ts';
import { createAffinity } from '../../packages/server/src/routing/affinity.ts';
import { createHealth } from '../../packages/server/src/routing/health.ts';
import type { Store } from '../../packages/server/src/storage/contract.ts';
import { createLog } from '../../packages/server/src/telemetry/create-log.ts';
import { createInstruments } from '../../packages/server/src/telemetry/instruments.ts';
import { noSeries } from '../../packages/server/src/telemetry/testing/no-series.ts';
import { createTimerQueue } from '../../packages/server/src/timers/timer-queue.ts';
import type { Dice } from '../../packages/server/src/upstreams/testing/dice.ts';
import type { KeptFacts } from './kept-facts.ts';
import { memoryChannel } from './memory-channel.ts';
import { type MemoryConnection, type MemoryRequest, openConnection } from './memory-connection.ts';
import { createMortal, type Mortal } from './mortal.ts';
import { mortalFiles } from './mortal-files.ts';
import { type Book, producingUpstream } from './producing-upstream.ts';
import { type Path, unsteadyStore } from './unsteady-store.ts';
import type { VirtualTime } from './virtual-time.ts';

/** What the services of one world share. */
export interface Surroundings {
  readonly time: VirtualTime;
  readonly dice: Dice;
  readonly config: Config;
  readonly book: Book;
  readonly facts: KeptFacts;
  readonly spoolBytes: number;
  readonly retentionMs: number;
  /** A store that other services use at the same time. */
  readonly shared: boolean;
  readonly post: PostEvent;
  readonly onStoring: (name: keyof Store) => Promise<void> | undefined;
  readonly onStored: (
    name: keyof Store,
    args: readonly unknown[],
    result: unknown,
  ) => Promise<void> | undefined;
  readonly onCall: (id: string) => void;
  readonly log: (line: string) => void;
}

export interface ServiceOptions {
  /** Different from that of every other service, those before it included. */
  readonly name: string;
  readonly store: Store;
  readonly disk: MemoryDisk;
  /** Two processes that reach the ledger by message; else one, which has it in its own memory. */
  readonly workers: boolean;
  /** See {@link Path.failEvery}. */
  readonly failEvery: number;
  /** How the store is reached while the service starts. */
  readonly weather: Path['weather'];
}

/** A process that serves requests. */
export interface ServingProcess {
  readonly id: string;
  readonly mortal: Mortal;
  readonly runs: RunRegistry;
  ask(request: MemoryRequest): MemoryConnection;
}

/** A service from its start to its death: real rooms over an unsteady store, a disk that tears, and targets with a book. */
export interface SimulatedService {
  readonly mortal: Mortal;
  /** The store as this service reaches it. */
  readonly store: Store;
  readonly path: Path;
  readonly limiter: MemoryLimiter;
  readonly processes: readonly ServingProcess[];
  /** The names of the living ones, as intents have them. */
  processIds(): readonly string[];
  /** Starts a process in the place of one that was killed. */
  addProcess(): Promise<void>;
  /** Ends in good order; its runs must have ended. */
  close(): Promise<void>;
}

export async function startService(
  around: Surroundings,
  { name, store, disk, workers, failEvery, weather }: ServiceOptions,
): Promise<SimulatedService> {
  const { time, dice, facts } = around;
  const mortal = createMortal(time.monotonic);
  const unsteady = unsteadyStore(store, {
    time,
    dice,
    mortal,
    concurrent: around.shared,
    onBegin: around.onStoring,
    onDone: around.onStored,
    onTardy: facts.tardy,
  });
  unsteady.path.failEvery = failEvery;
  unsteady.path.weather = weather;
  const diskProcess = disk.process();
  // After the write during which it dies.
  mortal.onDeath(() => time.immediately(() => diskProcess.kill()));
  const whileAlive = (work: () => void) => () => {
    if (!mortal.dead) work();
  };
  const after = (ms: number, work: () => void) => time.after(ms, whileAlive(work));
  const every = (ms: number, work: () => void) => {
    const stop = time.every(ms, whileAlive(work));
    mortal.onDeath(stop);
    return stop;
  };
  const opening = openSpool({
    folder: '/data/spool',
    name,
    maxBytes: around.spoolBytes,
    files: mortalFiles(diskProcess.files, mortal, dice),
    after,
    onProblem: (problem, error) => around.log(`${name}: spool: ${problem} ${String(error ?? '')}`),
  });
  if (!opening.ok) throw new Error(opening.message);
  const limiter = createMemoryLimiter({ now: time.monotonic });
  const say = (message: string, fields?: object) =>
    around.log(`${name}: ${message} ${fields === undefined ? '' : JSON.stringify(fields)}`);
  const log = { info: say, warn: say, error: say };
  const host = createLedgerHost({
    store: unsteady.store,
    shared: around.shared,
    limiter,
    spool: facts.watch(opening.spool, (line) => around.log(`${name}: ${line}`)),
    log,
    retentionMs: around.retentionMs,
    contentRetentionMs: around.retentionMs,
    now: time.now,
    later: (work) => time.immediately(whileAlive(work)),
    every,
    after,
  });
  await Promise.race([host.recover(), death(mortal)]);
  const webhook = createWebhook({
    store: unsteady.store,
    holder: name,
    source: 'simulation',
    post: (event, signal) => mortal.live(() => around.post(event, signal)),
    log,
    now: time.now,
    monotonic: time.monotonic,
    random: () => 0.5,
    wait: (ms, signal) =>
      new Promise((resolve) => {
        after(ms, resolve);
        signal.addEventListener('abort', () => resolve());
      }),
  });
  const processes: ServingProcess[] = [];
  let started = 0;

  async function addProcess(): Promise<void> {
    started += 1;
    const id = `${name}-${started}`;
    const own = workers ? createMortal(time.monotonic) : mortal;
    if (workers) mortal.onDeath(() => own.kill());
    const ledger = workers ? byMessage(time, host, mortal, own, id) : host.connect(id);
    const serving = await startProcess(around, { id, mortal: own }, ledger);
    processes.push(serving);
    own.onDeath(() => processes.splice(processes.indexOf(serving), 1));
  }

  for (let left = workers ? 2 : 1; left > 0 && !mortal.dead; left -= 1) await addProcess();
  return {
    mortal,
    ...unsteady,
    limiter,
    processes,
    processIds: () => processes.map(({ id }) => id),
    addProcess,
    close: () => end(host, webhook),
  };
}

function death(mortal: Mortal): Promise<void> {
  return new Promise((resolve) => mortal.onDeath(resolve));
}

async function end(host: LedgerHost, webhook: Webhook): Promise<void> {
  await webhook.close();
  await host.close();
}

function byMessage(time: VirtualTime, host: LedgerHost, service: Mortal, own: Mortal, id: string): Ledger {
  const [near, far] = memoryChannel(time, own, service);
  serveLedger(far, host.connect(id));
  return createRemoteLedger(near, (ms, work) => time.after(ms, () => void (own.dead || work())));
}

async function startProcess(
  around: Surroundings,
  { id, mortal }: Pick<ServingProcess, 'id' | 'mortal'>,
  ledger: Ledger,
): Promise<ServingProcess> {
  const { config, time, book, dice, onCall } = around;
  const { monotonic: now } = time;
  const openRecords = new Set<OpenRecord>();
  const stopProgress = reportProgress({ open: openRecords, ledger });
  mortal.onDeath(stopProgress);
  const storedKeys = createStoredKeys({ ledger, now });
  const ending = new AbortController();
  mortal.onDeath(() => ending.abort());
  // As in the server: it is listening before the store has answered.
  void storedKeys.follow(ending.signal, () => {});
  const runs = createRunRegistry();
  const upstreams = ['first', 'second'].map((name) =>
    producingUpstream({ name, book, time, dice, mortal, onCall }),
  );
  const handle = createApp({
    config,
    keys: { apiKeys: config.auth.apiKeys, adminKeys: config.auth.adminKeys },
    storedKeys,
    signIns: createSignIns(time.now),
    openRecords,
    likely: createLikelyCompletion(),
    ledger,
    peers: noPeers,
    upstreams: new Map(upstreams.map((upstream) => [upstream.name, upstream])),
    log: createLog({ ...config.logging, format: 'json', stream: new PassThrough().resume(), now: time.now }),
    runs,
    journal: createTestJournal({}, createTimerQueue(now)),
    health: createHealth(() => config.breaker, now),
    affinity: createAffinity(),
    instruments: createInstruments(),
    series: noSeries,
    bodies: {
      held: createBodyBudget(() => 1024 ** 3),
      budget: createBodyBudget(() => 1024 ** 3),
      turns: createBodyTurns({ now, later: setImmediate }),
    },
    shed: { refusal: () => undefined },
    timers: createTimerQueue(now),
    loaded: () => true,
    draining: () => false,
    reload: async () => ({ problems: [], changed: [], warnings: [] }),
  });
  const server: Server = createServer((request, response) => {
    void handle(request, response, false);
  });
  return {
    id,
    mortal,
    runs,
    ask(request) {
      const connection = openConnection(request, mortal);
      server.emit('connection', connection.socket);
      mortal.onDeath(() => connection.leave());
      return connection;
    },
  };
}
