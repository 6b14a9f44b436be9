/*
 * The text of one event of the bench's upstream: a record of fixed length, so that it can be found again however a
 * gateway splits or joins the text.
 *
 *      0042.0007:123456789          a space, the stream's tag, the number of the record, when it was written
 *
 * The time is the monotonic clock's, in µs, its last nine digits; all processes of one machine share that clock.
 */

export const recordBytes = 20;
/** Where the time begins in a record. */
export const timeAt = 11;
/** Tags and numbers have four digits. */
export const tagCount = 10_000;
const clockUs = 1e9;

/** What a request asks of the upstream; the prompt carries it, because every gateway relays the prompt. */
export interface StreamOrder {
  readonly records: number;
  /** Between two records. 0: everything in one write. */
  readonly intervalUs: number;
  /** True: streams of the same interval send at the same moments, as an engine that batches does. */
  readonly together: boolean;
}

export function promptOf(tag: number, { records, intervalUs, together }: StreamOrder): string {
  return `bench tag=${digits(tag, 4)} records=${records} interval-us=${intervalUs} together=${together ? 1 : 0}`;
}

/** Reads a prompt out of a request's body; undefined where it carries none. */
export function orderIn(body: string): { readonly tag: number; readonly order: StreamOrder } | undefined {
  const found = /bench tag=(\d+) records=(\d+) interval-us=(\d+) together=([01])/.exec(body);
  if (found === null) return undefined;
  const [, tag, records, intervalUs, together] = found;
  return {
    tag: Number(tag),
    order: { records: Number(records), intervalUs: Number(intervalUs), together: together === '1' },
  };
}

export function recordText(tag: number, index: number, nowUs: number): string {
  return ` ${digits(tag, 4)}.${digits(index, 4)}:${digits(Math.floor(nowUs) % clockUs, 9)}`;
}

export function digits(value: number, length: number): string {
  return String(value).padStart(length, '0');
}

// performance.now() is cheaper than process.hrtime() and the same clock from another origin.
const originUs = findOriginUs();

/** From the closest of several readings: the first ones load code, which takes milliseconds. */
function findOriginUs(): number {
  let closestUs = Number.POSITIVE_INFINITY;
  let origin = 0;
  for (let tries = 0; tries < 50; tries += 1) {
    const beforeUs = performance.now() * 1e3;
    const [seconds, nanoseconds] = process.hrtime();
    const afterUs = performance.now() * 1e3;
    if (afterUs - beforeUs >= closestUs) continue;
    closestUs = afterUs - beforeUs;
    origin = seconds * 1e6 + nanoseconds / 1e3 - (beforeUs + afterUs) / 2;
  }
  return origin;
}

/** The monotonic clock that all processes share, in µs. */
export function monotonicUs(): number {
  return originUs + performance.now() * 1e3;
}

/** How long ago a record was written, by the nine digits it carries; a little below 0 where two clocks differ. */
export function delayOf(writtenUs: number, nowUs: number): number {
  const us = (((nowUs - writtenUs) % clockUs) + clockUs) % clockUs;
  return us > clockUs / 2 ? us - clockUs : us;
}
