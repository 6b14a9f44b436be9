import { PassThrough } from 'node:stream';
import { createSignIns, type OwnSignIns } from '../access/sign-ins.ts';
import { createStoredKeys } from '../access/stored-keys.ts';
import type { KeyLedger } from '../access/testing/memory-keys.ts';
import { createApp, newRequestId } from '../app.ts';
import { formatProblem } from '../config/config-problem.ts';
import { loadConfig } from '../config/load-config.ts';
import { type BuiltDocs, createBuiltDocs } from '../docs/built-docs.ts';
import { type Failure, failure } from '../domain/failure.ts';
import { createFaultLab } from '../fault-lab/fault-lab.ts';
import { budgetFor, createBodyBudget } from '../http/body-budget.ts';
import { createBodyTurns } from '../http/body-turns.ts';
import { type BuiltFiles, createBuiltFiles } from '../http/built-files.ts';
import type { Route } from '../http/route.ts';
import { createTestJournal } from '../journal/testing/test-journal.ts';
import type { WebhookStatus } from '../ledger/contract.ts';
import { startTestLedger, type TestLedger } from '../ledger/testing/test-ledger.ts';
import { createLikelyCompletion } from '../metering/likely-completion.ts';
import type { OpenRecord } from '../metering/open-record.ts';
import { reportProgress } from '../metering/progress-clock.ts';
import type { Peers } from '../peers/contract.ts';
import { noPeers } from '../peers/no-peers.ts';
import { cancelRun } from '../relay/cancel-run.ts';
import { createRunRegistry, type RunRegistry } from '../relay/run-registry.ts';
import { createAffinity } from '../routing/affinity.ts';
import { createHealth } from '../routing/health.ts';
import { createListener } from '../service/listener.ts';
import { measureProcess, measureRooms } from '../service/measure-rooms.ts';
import { lastSpansMs, openTracing } from '../service/open-tracing.ts';
import { secretsOf } from '../service/service-log.ts';
import { createLog } from '../telemetry/create-log.ts';
import { createInstruments } from '../telemetry/instruments.ts';
import { recordSeries } from '../telemetry/series/record-series.ts';
import type { SeriesReader } from '../telemetry/series/series.ts';
import { timers as systemTimers } from '../timers/timer-queue.ts';
import { createUpstreams } from '../upstreams/registry.ts';
import type { Surface } from '../wire/contract.ts';
import { memoryFiles } from './memory-files.ts';

/** The server in the test's process: real sockets, the real rooms, no engine, and its configuration as a text. */
export interface TestApp {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  readonly runs: RunRegistry;
  readonly ledger: TestLedger;
  /** The sign-ins of browsers. */
  readonly signIns: OwnSignIns;
  /** The route table. */
  readonly routes: readonly Pick<Route, 'method' | 'path' | 'access'>[];
  /** Refuses new requests from now on, as after a SIGTERM. */
  drain(): void;
  /** Refuses new completions with this failure from now on, as an overloaded server; undefined: no longer. */
  shed(refusal: Failure | undefined): void;
  /** Bytes that requests hold now. */
  heldBytes(): number;
  /** Ends a step of the time series, ten seconds after the one before. */
  endStep(): Promise<void>;
  /** The lines of the log, parsed. */
  logged(): readonly Record<string, unknown>[];
  stop(): Promise<void>;
}

export interface TestAppOptions {
  /** The text of the configuration. The files that it names are in `files`. */
  readonly config: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly surfaces?: readonly Surface[];
  /** Takes the place of its keys and owners. Default: those of the ledger itself. */
  readonly keyLedger?: KeyLedger;
  /** The other processes of its service. Default: there is none. */
  readonly peers?: Peers;
  /** Its time series. Default: those of its own instruments. */
  readonly series?: SeriesReader;
  /** Its built page. Default: there is none. */
  readonly page?: BuiltFiles;
  /** Its built docs. Default: there are none. */
  readonly docs?: BuiltDocs;
  /** What it says of its webhook. Default: there is none. */
  readonly webhook?: WebhookStatus;
}

export const testKey = 'key-of-a-test';
export const testAdminKey = 'admin-key-of-a-test';
const folder = '/test-app';

/** Starts the server on a free port; the caller calls `stop`. */
export async function startTestApp({
  config: text,
  files = {},
  surfaces,
  keyLedger,
  peers = noPeers,
  series,
  page = createBuiltFiles([]),
  docs = createBuiltDocs([]),
  webhook,
}: TestAppOptions): Promise<TestApp> {
  const loaded = await loadConfig({
    env: { TAILRACE_API_KEY: testKey, TAILRACE_ADMIN_KEY: testAdminKey },
    cwd: folder,
    flags: { noEngine: true },
    files: memoryFiles(folder, { 'tailrace.yaml': text, ...files }),
  });
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
  const { config } = loaded;
  const created = await createUpstreams(config.upstreams);
  if (created.problems.length > 0) throw new Error(created.problems.join('\n'));
  const now = () => performance.now();
  const testLedger = await startTestLedger();
  // A test may replace `admit` of the ledger while the server runs, to see what is asked.
  const admit: TestLedger['ledger']['admit'] = (asked) => testLedger.ledger.admit(asked);
  const ledger = { ...testLedger.ledger, admit, ...keyLedger, webhook: async () => webhook };
  await ledger.mask(secretsOf(config, config.auth), config.auth.keyPrefix);
  const openRecords = new Set<OpenRecord>();
  const stopProgress = reportProgress({ open: openRecords, ledger });
  const storedKeys = createStoredKeys({ ledger, now });
  await storedKeys.follow(new AbortController().signal, () => {});
  const signIns = createSignIns(Date.now);
  const held = createBodyBudget(() => 1024 ** 3);
  let draining = false;
  let shedding: Failure | undefined;
  const runs = createRunRegistry();
  const health = createHealth(() => config.breaker, now);
  const instruments = createInstruments();
  const journal = createTestJournal({ retentionMs: config.stream.retentionMs, ...config.stream.journal });
  measureRooms(instruments, { runs, health, journal, streamsLimit: () => config.server.maxStreams });
  measureProcess(instruments, 'server', '0.0.0-test');
  let endStep = async () => {};
  let seriesMs = Math.floor(Date.now() / 10_000) * 10_000;
  const recorded = recordSeries({
    sources: () => [{ id: 'own', reading: instruments.read() }],
    clock: () => seriesMs,
    after(ms, fire) {
      endStep = async () => {
        seriesMs += ms;
        fire();
        // A step is recorded in some turns of the microtasks.
        await new Promise((resolve) => setImmediate(resolve));
      };
      return () => {};
    },
  });
  peers.serve({ cancel: (order) => cancelRun(runs, order) });
  const stream = new PassThrough();
  let log = '';
  stream.on('data', (piece: Buffer) => {
    log += piece.toString();
  });
  const faultLab = createFaultLab({ timers: systemTimers, paceMs: 1 });
  const serverLog = createLog({ ...config.logging, format: 'json', stream, now: Date.now });
  const tracing = await openTracing(config, serverLog);
  const app = createApp({
    config,
    tracing,
    keys: { apiKeys: config.auth.apiKeys, adminKeys: config.auth.adminKeys },
    storedKeys,
    signIns,
    openRecords,
    likely: createLikelyCompletion(),
    ledger,
    upstreams: created.upstreams,
    log: serverLog,
    runs,
    journal,
    peers,
    page,
    docs,
    faultLab,
    health,
    instruments,
    series: series ?? recorded,
    affinity: createAffinity(),
    bodies: {
      held,
      budget: createBodyBudget(() => budgetFor(config.server.maxBodyBytes)),
      turns: createBodyTurns({ now, later: setImmediate }),
    },
    shed: { refusal: () => shedding },
    loaded: () => true,
    draining: () => draining,
    reload: async () => ({
      problems: [{ message: 'this server does not reload' }],
      changed: [],
      warnings: [],
    }),
    ...(surfaces === undefined ? {} : { surfaces }),
  });
  const http = createListener(() => app, { log: serverLog, newRequestId });
  const port = await http.listen({ host: '127.0.0.1', port: 0, loopback: true });
  return {
    url: `http://127.0.0.1:${port}`,
    runs,
    ledger: testLedger,
    signIns,
    routes: app.routes,
    drain: () => {
      draining = true;
    },
    shed: (refusal) => {
      shedding = refusal;
    },
    heldBytes: () => held.held(),
    endStep: () => endStep(),
    logged: () =>
      log
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    async stop() {
      http.destroy();
      runs.stopAll(failure('draining', 'This server is shutting down.'));
      await runs.idle();
      created.retire();
      await faultLab.close();
      stopProgress();
      await testLedger.stop();
      // Its last spans leave.
      await tracing?.close(lastSpansMs);
    },
  };
}
