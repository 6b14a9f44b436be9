import type { RunRegistry } from '../relay/run-registry.ts';
import type { Health } from '../routing/health.ts';
import type { Figure, Instruments } from '../telemetry/contract.ts';

/** The load of a local engine. */
export interface EngineLoad {
  load(): { readonly running: number; readonly waiting: number };
}

const breakerStates = { closed: 0, 'half-open': 1, open: 2 } as const;

/** Has every reading tell what runs in this process, and how it sees its targets. */
export function measureRooms(
  instruments: Instruments,
  { runs, health }: { readonly runs: RunRegistry; readonly health: Health },
): void {
  instruments.watch(() => [
    { name: 'streams_live', labels: {}, value: runs.list().length },
    ...health.list().flatMap(({ upstream, model, health: { breaker, inFlight } }): Figure[] => [
      { name: 'target_breaker', labels: { upstream, model }, value: breakerStates[breaker] },
      { name: 'target_in_flight', labels: { upstream, model }, value: inFlight },
    ]),
    ...health.counts().flatMap(({ upstream, model, counts }): Figure[] => [
      { name: 'target_attempts', labels: { upstream, model }, value: counts.attempts },
      { name: 'target_failures', labels: { upstream, model }, value: counts.failures },
      { name: 'target_failovers', labels: { upstream, model }, value: counts.failovers },
      { name: 'target_hedges', labels: { upstream, model }, value: counts.hedges },
      { name: 'target_takeovers', labels: { upstream, model }, value: counts.takeovers },
    ]),
  ]);
}

/** Has every reading tell how much memory this process holds, without what its children hold. `residentBytes` takes microseconds. */
export function measureProcess(instruments: Instruments, residentBytes: () => number): void {
  instruments.watch(() => [{ name: 'memory', labels: {}, value: residentBytes() }]);
}

/** Has every reading tell what the engine of this process has to do. */
export function measureEngine(instruments: Instruments, engine: EngineLoad): void {
  instruments.watch(() => {
    const { running, waiting } = engine.load();
    return [
      { name: 'engine_running', labels: {}, value: running },
      { name: 'engine_queue', labels: {}, value: waiting },
    ];
  });
}
