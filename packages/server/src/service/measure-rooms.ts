import type { Journal } from '../journal/contract.ts';
import type { RunRegistry } from '../relay/run-registry.ts';
import type { Health } from '../routing/health.ts';
import type { Figure, Instruments, Labels, Reading } from '../telemetry/contract.ts';
import type { FigureName } from '../telemetry/metrics/metrics.ts';
import { openFiles } from './process-use.ts';

/** The figures of a local engine. */
export interface EngineReading {
  reading(): Reading;
}

export interface MeasuredRooms {
  readonly runs: RunRegistry;
  readonly health: Health;
  readonly journal: Pick<Journal, 'figures'>;
  /** The most runs of the service. */
  streamsLimit(): number;
}

const breakerStates = { closed: 0, 'half-open': 1, open: 2 } as const;

function figure(name: FigureName, value: number, labels: Labels = {}): Figure {
  return { name, labels, value };
}

/** Has every reading tell what runs in this process, how it sees its targets, and what its journal keeps. */
export function measureRooms(
  instruments: Instruments,
  { runs, health, journal, streamsLimit }: MeasuredRooms,
): void {
  instruments.watch(() => {
    const targets = health.counts();
    return {
      figures: [
        figure('streams_live', runs.list().length),
        figure('streams_limit', streamsLimit()),
        ...health
          .list()
          .flatMap(({ upstream, model, health: { breaker, inFlight } }) => [
            figure('target_breaker', breakerStates[breaker], { upstream, model }),
            figure('target_in_flight', inFlight, { upstream, model }),
          ]),
        ...targets.flatMap(figuresOfTarget),
      ],
      histograms: targets.map(({ upstream, model, counts: { firstOutputMs } }) => ({
        name: 'target_first_output',
        labels: { upstream, model },
        counts: firstOutputMs,
      })),
    };
  });
  measureJournal(instruments, journal);
}

function figuresOfTarget({ upstream, model, counts }: ReturnType<Health['counts']>[number]): Figure[] {
  const labels = { upstream, model };
  return [
    figure('target_attempts', counts.attempts, labels),
    figure('target_failovers', counts.failovers, labels),
    figure('target_hedges', counts.hedges, labels),
    figure('target_takeovers', counts.takeovers, labels),
    ...counts.codes.map(({ code, count }) => figure('target_failures', count, { ...labels, code })),
    // The series of a target's failures begins with the target, and not with its first failure.
    ...(counts.codes.length === 0 ? [figure('target_failures', 0, labels)] : []),
    ...counts.ended.map(({ mode, outcome, count }) =>
      figure('target_attempts_ended', count, { ...labels, mode, outcome }),
    ),
  ];
}

/** Has every reading tell how much the journal of this process keeps. */
export function measureJournal(instruments: Instruments, journal: Pick<Journal, 'figures'>): void {
  instruments.watch(() => {
    const now = journal.figures();
    if (now === undefined) return {};
    return {
      figures: [
        figure('journal_up', now.available ? 1 : 0),
        figure('journal_streams', now.runningStreams, { state: 'running' }),
        figure('journal_streams', now.endedStreams, { state: 'ended' }),
        figure('journal_bytes', now.bytes),
        figure('journal_limit', now.limitBytes),
        figure('journal_evictions', now.evictedStreams, { what: 'streams' }),
        figure('journal_evictions', now.evictedEvents, { what: 'events' }),
      ],
    };
  });
}

/** Has every reading tell what this process takes of the machine, without its children. `name`: its label. It takes some 50 µs. */
export function measureProcess(instruments: Instruments, name: string, version: string): void {
  const startedAtMs = Date.now() - process.uptime() * 1_000;
  instruments.watch(() => {
    const labels = { process: name };
    const { rss, heapUsed } = process.memoryUsage();
    const { user, system } = process.cpuUsage();
    const files = openFiles();
    return {
      figures: [
        figure('memory', rss, labels),
        figure('heap', heapUsed, labels),
        figure('cpu', user + system, labels),
        figure('started_at', startedAtMs, labels),
        figure('build', 1, { version, node: process.versions.node }),
        ...(files === undefined
          ? []
          : [figure('open_files', files.open, labels), figure('most_files', files.most, labels)]),
      ],
    };
  });
}

/** Has every reading tell how the engine of this process does. */
export function measureEngine(instruments: Instruments, engine: EngineReading): void {
  instruments.watch(() => engine.reading());
}
