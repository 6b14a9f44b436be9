/*
 * Formulas of queueing theory, each for the question that it answers. What they assume is in their comments; `simulate-…` asks
 * the same questions without the assumptions.
 */

/** Little's law: how many are there at a time, of those that come at this rate and stay for so long. */
export function openOnAverage(perSecond: number, seconds: number): number {
  return perSecond * seconds;
}

/**
 * How many are there at most in all but a small share of the time, where arrivals are independent (a Poisson process): then the number
 * itself has a Poisson distribution, whatever the lengths of stay are. `deviations`: 3.09 for one in a thousand.
 */
export function openAtMost(average: number, deviations: number): number {
  return Math.ceil(average + deviations * Math.sqrt(average));
}

/**
 * How many are there at the end of a burst in which arrivals are `factor` times as many, where stays have an exponential distribution: the
 * number approaches its new level as those leave who have come before.
 */
export function openAfterBurst(
  average: number,
  factor: number,
  burstSeconds: number,
  staySeconds: number,
): number {
  return average * (1 + (factor - 1) * (1 - Math.exp(-burstSeconds / staySeconds)));
}

/** Work of one kind: how often it comes, and for how long it takes the one who does it. */
export interface Work {
  readonly perSecond: number;
  readonly seconds: number;
}

/** The share of the time in which one who does all of this is busy; above 1 it is too much. */
export function utilisation(works: readonly Work[]): number {
  return works.reduce((sum, { perSecond, seconds }) => sum + perSecond * seconds, 0);
}

/**
 * For how long work waits on average before it is begun, where one does it in the order in which it comes (Pollaczek and Khinchine).
 * Rare and long work, such as a pause of the collector, counts by the square of its length. Infinite where it is too much.
 */
export function meanWaitSeconds(works: readonly Work[]): number {
  const busy = utilisation(works);
  if (busy >= 1) return Number.POSITIVE_INFINITY;
  const squares = works.reduce((sum, { perSecond, seconds }) => sum + perSecond * seconds ** 2, 0);
  return squares / (2 * (1 - busy));
}

/**
 * The share of arrivals that find every place taken and have to wait (Erlang's C), where `load` places are taken on average. Stays have an
 * exponential distribution; every place is open to everybody.
 */
export function waitingShare(places: number, load: number): number {
  if (load >= places) return 1;
  // Erlang's B, place by place: the usual sum of powers and factorials overflows.
  let refused = 1;
  for (let place = 1; place <= places; place += 1) refused = (load * refused) / (place + load * refused);
  return refused / (1 - (load / places) * (1 - refused));
}

/** For how long an arrival waits for a place on average, those that do not wait included. */
export function meanWaitForPlaceSeconds(places: number, load: number, staySeconds: number): number {
  if (load >= places) return Number.POSITIVE_INFINITY;
  return (waitingShare(places, load) * staySeconds) / (places - load);
}
