import { Agenda } from './agenda.ts';
import type { Dice } from './random.ts';

/*
 * The workers of a fleet, event by event: streams come, are given to the worker with the fewest, and send their tokens at the pace of their
 * model; a worker does one thing at a time, in the order in which it comes. Nothing is assumed of averages, so this checks `queueing.ts`.
 */
export interface WorkersOptions {
  readonly dice: Dice;
  readonly workers: number;
  readonly streamsPerSecond: number;
  /** On average; the length of an answer has an exponential distribution. */
  readonly outputTokens: number;
  readonly tokensPerSecond: number;
  readonly cpuUsRequest: number;
  readonly cpuUsEvent: number;
  /** Of the collector of each worker; absent: none. */
  readonly pause?: { readonly everySeconds: number; readonly seconds: number };
  /** Arrivals are `factor` times as many in this time, which begins behind the warm-up. */
  readonly burst?: { readonly factor: number; readonly seconds: number };
  /** Nothing is measured before: the fleet begins empty. */
  readonly warmUpSeconds: number;
  readonly seconds: number;
}

export interface WorkersSeen {
  /** Of all workers, as a share of their time. */
  readonly utilisation: number;
  readonly openMean: number;
  readonly openMax: number;
  readonly events: number;
  readonly waitMeanSeconds: number;
  readonly waitP99Seconds: number;
}

interface Stream {
  readonly worker: number;
  left: number;
}
/** Something happens: a stream comes, a stream has its next token, or the collector of a worker begins. */
type Happening = 'arrival' | Stream | { readonly pauseOf: number };

/** Waits are counted in steps of a tenth of a millisecond, up to a second. */
const waitStep = 1e-4;
const waitSteps = 10_000;

export function simulateWorkers(options: WorkersOptions): WorkersSeen {
  const { dice, workers, pause, warmUpSeconds } = options;
  const endSeconds = warmUpSeconds + options.seconds;
  const agenda = new Agenda<Happening>();
  const busyUntil = new Float64Array(workers);
  const openOf = new Int32Array(workers);
  const waits = new Float64Array(waitSteps + 1);
  const seen = { events: 0, waitSum: 0, work: 0, openSum: 0, openMax: 0 };
  let open = 0;
  let openSince = warmUpSeconds;

  function arrivalRate(now: number): number {
    const { burst, streamsPerSecond } = options;
    const inBurst = burst !== undefined && now >= warmUpSeconds && now < warmUpSeconds + burst.seconds;
    return inBurst ? streamsPerSecond * burst.factor : streamsPerSecond;
  }

  /** One thing to do for a worker: it begins when everything before it is done. */
  function work(worker: number, now: number, seconds: number): number {
    const begins = Math.max(now, busyUntil[worker] ?? 0);
    busyUntil[worker] = begins + seconds;
    if (now >= warmUpSeconds) seen.work += seconds;
    return begins - now;
  }

  function countOpen(now: number, change: number): void {
    if (now > openSince) {
      seen.openSum += open * (now - openSince);
      openSince = now;
    }
    open += change;
    if (now >= warmUpSeconds) seen.openMax = Math.max(seen.openMax, open);
  }

  function begin(now: number): void {
    const worker = openOf.indexOf(Math.min(...openOf));
    const left = Math.max(1, Math.round(dice.exponential(options.outputTokens)));
    openOf[worker] = (openOf[worker] ?? 0) + 1;
    countOpen(now, 1);
    work(worker, now, options.cpuUsRequest / 1e6);
    agenda.add(now + dice.uniform() / options.tokensPerSecond, { worker, left });
  }

  function send(stream: Stream, now: number): void {
    const waited = work(stream.worker, now, options.cpuUsEvent / 1e6);
    if (now >= warmUpSeconds) {
      seen.events += 1;
      seen.waitSum += waited;
      const step = Math.min(waitSteps, Math.floor(waited / waitStep));
      waits[step] = (waits[step] ?? 0) + 1;
    }
    stream.left -= 1;
    if (stream.left > 0) {
      agenda.add(now + 1 / options.tokensPerSecond, stream);
      return;
    }
    openOf[stream.worker] = (openOf[stream.worker] ?? 0) - 1;
    countOpen(now, -1);
  }

  agenda.add(dice.exponential(1 / options.streamsPerSecond), 'arrival');
  if (pause !== undefined) {
    for (let worker = 0; worker < workers; worker += 1)
      agenda.add(dice.uniform() * pause.everySeconds, { pauseOf: worker });
  }
  for (;;) {
    const happening = agenda.next();
    if (happening === undefined || happening.time >= endSeconds) break;
    const { time: now, thing } = happening;
    if (thing === 'arrival') {
      begin(now);
      agenda.add(now + dice.exponential(1 / arrivalRate(now)), 'arrival');
    } else if ('pauseOf' in thing) {
      work(thing.pauseOf, now, pause?.seconds ?? 0);
      agenda.add(now + (pause?.everySeconds ?? 0), thing);
    } else {
      send(thing, now);
    }
  }
  countOpen(endSeconds, 0);
  return {
    utilisation: seen.work / (workers * options.seconds),
    openMean: seen.openSum / options.seconds,
    openMax: seen.openMax,
    events: seen.events,
    waitMeanSeconds: seen.waitSum / seen.events,
    waitP99Seconds: quantile(waits, seen.events, 0.99) * waitStep,
  };
}

function quantile(counts: Float64Array, total: number, share: number): number {
  let sum = 0;
  for (let step = 0; step < counts.length; step += 1) {
    sum += counts[step] ?? 0;
    if (sum >= share * total) return step;
  }
  return counts.length - 1;
}
