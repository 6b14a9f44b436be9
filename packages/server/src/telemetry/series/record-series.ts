import { type SeriesQuery, type SeriesReader, type SeriesTable, stepSeconds } from './series.ts';
import { createSeriesSteps, type SeriesSource } from './series-steps.ts';
import { createSeriesStore } from './series-store.ts';

export interface SeriesRecorder extends SeriesReader {
  read(query: SeriesQuery): SeriesTable;
  stop(): void;
}

export interface SeriesRecorderDeps {
  /** Reads all processes of the service that live. Never rejects. */
  sources(): readonly SeriesSource[] | Promise<readonly SeriesSource[]>;
  /** Unix milliseconds. */
  clock(): number;
  /** Calls `fire` once after so many milliseconds, unless the returned function is called before. */
  after(ms: number, fire: () => void): () => void;
}

const stepMs = stepSeconds * 1_000;

/** Keeps the time series of a service in memory: at each ten seconds of the clock it reads all processes. */
export function recordSeries({ sources, clock, after }: SeriesRecorderDeps): SeriesRecorder {
  const store = createSeriesStore();
  const steps = createSeriesSteps();
  let stopped = false;
  let cancel = () => {};
  let last = 0;

  function wait(): void {
    if (stopped) return;
    const nowMs = clock();
    const next = Math.floor(nowMs / stepMs) + 1;
    // A timer may fire a little early, and the step that it has recorded is then still to end.
    cancel = after((next === last ? next + 1 : next) * stepMs - nowMs, () => void record());
  }

  async function record(): Promise<void> {
    const at = Math.round(clock() / stepMs);
    const read = await sources();
    // After a jump of the clock too, the newest figures count.
    store.add(at * stepSeconds, steps.next(read));
    last = at;
    wait();
  }

  wait();
  return {
    read: (query) => store.read(query),
    stop() {
      stopped = true;
      cancel();
    },
  };
}
