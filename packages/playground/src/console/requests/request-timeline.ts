import type { RequestRecord } from './request-record.ts';

/** A stretch of the time of a request, in milliseconds after its admission. */
export interface Stretch {
  readonly name: string;
  readonly fromMs: number;
  readonly toMs: number;
}

/** A phase shorter than this part of the whole is not shown: it explains nothing. */
const leastPart = 0.005;

/**
 * The time of a request in its phases, without those that have taken no time that counts: until its first target was called, until the
 * first output, the output, and until the record was settled.
 */
export function phasesOf({ attemptLog, ttftMs, durationMs, status }: RequestRecord): readonly Stretch[] {
  const calledMs = Math.min(attemptLog[0]?.startedMs ?? 0, durationMs);
  const ends = attemptLog.flatMap(({ startedMs, durationMs: took }) =>
    startedMs === undefined || took === undefined ? [] : [startedMs + took],
  );
  const endedMs =
    status === 'open' || ends.length === 0 ? durationMs : Math.min(Math.max(...ends), durationMs);
  const firstMs = ttftMs === undefined ? endedMs : Math.min(Math.max(ttftMs, calledMs), endedMs);
  const all: readonly Stretch[] = [
    { name: 'Waiting', fromMs: 0, toMs: calledMs },
    { name: ttftMs === undefined ? 'No output' : 'First token', fromMs: calledMs, toMs: firstMs },
    { name: 'Output', fromMs: firstMs, toMs: endedMs },
    { name: 'Settling', fromMs: endedMs, toMs: durationMs },
  ];
  return all.filter(({ fromMs, toMs }) => toMs > fromMs && toMs - fromMs >= durationMs * leastPart);
}

/** Where a stretch lies in the whole time, in percent; never thinner than can be seen. */
export function placeOf(
  { fromMs, toMs }: Omit<Stretch, 'name'>,
  wholeMs: number,
): { readonly left: number; readonly width: number } {
  if (wholeMs <= 0) return { left: 0, width: 100 };
  const width = Math.max(0.6, ((toMs - fromMs) / wholeMs) * 100);
  return { left: Math.min((fromMs / wholeMs) * 100, 100 - width), width };
}
