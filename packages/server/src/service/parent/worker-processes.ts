import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { createCalls } from '../../channels/calls.ts';
import { objectChannel } from '../../channels/object-channel.ts';
import { version } from '../../config/version.ts';
import type { Engine } from '../../engine/parent/engine.ts';
import { serveEngine } from '../../engine/remote/serve-engine.ts';
import { createMemoryJournal } from '../../journal/memory/memory-journal.ts';
import { serveJournal } from '../../journal/remote/serve-journal.ts';
import { newProcessId } from '../../ledger/ledger-thread.ts';
import { type SharedLedger, startSharedLedger } from '../../ledger/shared-ledger.ts';
import { createMemoryPeers } from '../../peers/memory/memory-peers.ts';
import { servePeers } from '../../peers/remote/remote-peers.ts';
import type { LogOptions } from '../../telemetry/create-log.ts';
import { createInstruments } from '../../telemetry/instruments.ts';
import { createWholeReading } from '../../telemetry/metrics/whole-reading.ts';
import { recordSeries } from '../../telemetry/series/record-series.ts';
import type { SeriesSource } from '../../telemetry/series/series-steps.ts';
import { timers } from '../../timers/timer-queue.ts';
import type { ParentCalls, WorkerCalls } from '../between/calls.ts';
import { channels } from '../between/channels.ts';
import type { ConnectionNotes } from '../between/connection-notes.ts';
import { journalLimits } from '../journal-limits.ts';
import { measureEngine, measureJournal, measureProcess } from '../measure-rooms.ts';
import { createReloads, refusedByShutdown } from '../reload-config.ts';
import type { ServedConfig, ServingParts, ServingProcesses } from '../serving-processes.ts';
import { systemTime } from '../system-time.ts';
import { createFleet, type Worker } from './fleet.ts';
import { watchForHang } from './hung-worker.ts';
import { lendPlaces } from './places.ts';
import { prepareAll } from './prepare-all.ts';
import { spreadConnections, type Taker } from './spread-connections.ts';
import { allRuns, allTargets } from './whole-view.ts';
import { writeWorkerLines } from './worker-lines.ts';
import { startWorkerProcess } from './worker-process.ts';

export interface WorkerProcessesParts extends ServingParts {
  /** Receives the lines that workers log. */
  readonly output: LogOptions['stream'];
  /** The file that a worker process runs. */
  readonly workerFile: URL;
}

/** How long a worker waits for the others where one of them runs the completion that it cancels. */
const peerAnswerMs = 5_000;

/** How long a worker has to say what it has counted. */
const readingMs = 2_000;

/**
 * The parent of workers: it has what there is one of in a service (port, ledger, engine, configuration), and answers no request
 * itself (docs/decisions/0028-workers.md).
 */
export function createWorkerProcesses(parts: WorkerProcessesParts): ServingProcesses {
  const { env, log, output, signIns, onSecrets } = parts;
  const { workers: count } = parts.first.config.server;
  let inForce: ServedConfig = parts.first;
  let ledger: SharedLedger | undefined;
  let engine: Engine | undefined;
  let serving = false;
  const spread = spreadConnections();
  const takers = new Map<Worker, Taker>();
  const journal = createMemoryJournal({ timers, limits: () => journalLimits(inForce.config) });
  const peers = createMemoryPeers(peerAnswerMs);
  const lines = writeWorkerLines(output, log);
  const wait = (ms: number) => delay(ms, undefined, { ref: false });

  const places = lendPlaces<Worker>({
    total: () => inForce.config.server.maxStreams,
    workers: count,
    takeBack: ({ ask }) => ask('returnPlaces', undefined).catch(() => 0),
    wait,
  });

  const fleet = createFleet({
    count,
    log,
    open: openWorker,
    async begin(worker) {
      let begun = false;
      void watchForHang(worker, { log, wait, hasBegun: () => begun });
      const problems = await worker.ask('begin', {
        number: worker.number,
        served: inForce,
        endedSessions: signIns.ended.list(),
        terminal: output.isTTY === true,
        places: places.lendFirst(worker),
      });
      begun = true;
      // While the service starts, workers say so. Later, connections go to those that serve.
      if (!serving && problems.length === 0) giveConnections(worker);
      return problems;
    },
    async serve(worker) {
      if (engine !== undefined)
        serveEngine(objectChannel(worker.process.link.channel(channels.engine)), engine);
      await worker.ask('serve', { engine: engine !== undefined });
      giveConnections(worker);
    },
    gone(worker) {
      worker.process.link.close();
      takers.get(worker)?.gone();
      takers.delete(worker);
      places.gone(worker);
      ledger?.ended(worker.processId);
    },
    now: () => performance.now(),
    wait,
  });

  function openWorker(number: number): Worker {
    const process = startWorkerProcess(parts.workerFile, env);
    const { link } = process;
    const processId = newProcessId();
    const own: ParentCalls = {
      joinLedger: async (channel) => ledger?.join(processId, link.channel(channel)),
      reload: () => reloads.request(),
      runs: async () => allRuns(await askAll(({ ask }) => ask('runs', undefined))),
      targets: async () => allTargets(await askAll(({ ask }) => ask('targets', undefined))),
      series: (query) => series.read(query),
      metrics: async () => whole.next(await sources()),
      borrowPlaces: () => places.lendMore(worker),
      issueCode: signIns.codes.issue,
      redeemCode: signIns.codes.redeem,
      async endSession(session) {
        signIns.ended.add(session);
        // Also those that are about to begin: what they begin with may be older.
        await Promise.allSettled(fleet.living().map(({ ask }) => ask('sessionEnded', session)));
      },
    };
    const worker: Worker = {
      number,
      processId,
      process,
      ask: createCalls<WorkerCalls>(objectChannel(link.channel(channels.calls)), own),
    };
    servePeers(objectChannel(link.channel(channels.peers)), peers.join());
    serveJournal(objectChannel(link.channel(channels.journal)), journal);
    link.channel(channels.log).onMessage(lines);
    return worker;
  }

  function giveConnections(worker: Worker): void {
    if (takers.has(worker)) return;
    const { link, give } = worker.process;
    const taker = spread.add(give);
    takers.set(worker, taker);
    // Only this worker writes to its channel.
    objectChannel(link.channel(channels.connections)).onMessage((notes) =>
      taker.heard(notes as ConnectionNotes),
    );
  }

  /** What all workers answer. One that ends meanwhile is left out. */
  async function askAll<Answer>(ask: (worker: Worker) => Promise<Answer>): Promise<readonly Answer[]> {
    const answers = await Promise.allSettled(fleet.workers().map(ask));
    return answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
  }

  /** A worker that hangs must not stop the series of the others. */
  async function readingOf({ processId, ask }: Worker): Promise<SeriesSource> {
    const answer = ask('reading', undefined).catch(() => undefined);
    return { id: processId, reading: await Promise.race([answer, wait(readingMs).then(() => undefined)]) };
  }

  const instruments = createInstruments();
  measureProcess(instruments, 'parent', version());
  measureJournal(instruments, journal);
  const whole = createWholeReading();
  async function sources(): Promise<readonly SeriesSource[]> {
    const workers = await Promise.all(fleet.workers().map(readingOf));
    return [{ id: 'parent', reading: instruments.read() }, ...workers];
  }
  const series = recordSeries({
    ...systemTime,
    async sources() {
      const read = await sources();
      // Nothing that a step has of a worker is missing from the metrics after its end.
      whole.next(read);
      return read;
    },
  });

  const reloads = createReloads({
    ...parts,
    inForce: () => inForce,
    prepare: (next) => prepareAll(next, { release: fleet.hold(), workers: fleet.living() }),
    onInForce(next) {
      onSecrets(next.config, next.keys);
      log.setLevel(next.config.logging.level);
      inForce = next;
      void places.changed();
    },
  });

  return {
    listen: spread.listen,
    async openLedger(settings) {
      const opened = await startSharedLedger(settings, { log });
      if (opened.ok) ledger = opened.ledger;
      return opened;
    },
    prepare: fleet.start,
    async serve(started) {
      engine = started;
      if (engine !== undefined) measureEngine(instruments, engine);
      await fleet.serve();
      serving = true;
      log.info('workers serve', { workers: count });
    },
    reload: reloads.request,
    async running() {
      const running = await askAll(({ ask }) => ask('running', undefined));
      return running.reduce((sum, runs) => sum + runs, 0);
    },
    async drain() {
      reloads.close(refusedByShutdown);
      fleet.retire();
      await askAll(({ ask }) => ask('drain', undefined));
    },
    stopAll() {
      reloads.close(refusedByShutdown);
      fleet.retire();
      void askAll(({ ask }) => ask('stopAll', undefined));
    },
    async close() {
      series.stop();
      await fleet.end();
      spread.destroy();
      await journal.close();
      await ledger?.close();
    },
  };
}
