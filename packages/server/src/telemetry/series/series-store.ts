import type { Figure, Labels } from '../contract.ts';
import type { MeasureName } from '../measures.ts';
import { inLongerSteps } from './longer-steps.ts';
import { pointsKept, type SeriesQuery, type SeriesTable, stepSeconds } from './series.ts';
import { type MeasuredFigure, seriesKey } from './series-steps.ts';

/** The most targets with series. A target has seven series. */
const mostTargets = 64;

/**
 * The points of the last 24 hours. A series takes 1.4 kB for each hour in which it has a value, 34 kB for a day. There are some 60
 * without targets (one for each error code that has occurred), and seven for each target: 18 MB at most, and 1 MB for a service with a few
 * targets that has run for a day.
 */
export interface SeriesStore {
  /** Adds the step that ends at `at`, a multiple of 10 in Unix seconds. A later call for the same step replaces it. */
  add(at: number, figures: readonly MeasuredFigure[]): void;
  read(query: SeriesQuery): SeriesTable;
}

/** A ring: the point of a step lies at the step's number modulo the length. */
interface Ring {
  readonly name: MeasureName;
  readonly labels: Labels;
  /** By parts of an hour, made when they are needed. NaN where a step has no value. */
  readonly parts: (Float32Array | undefined)[];
  /** The last step that had a value. */
  lastStep: number;
}

export function createSeriesStore(): SeriesStore {
  const rings = new Map<string, Ring>();
  /** Which step each place of the rings holds. */
  const steps = new Float64Array(pointsKept);

  function ringOf(figure: MeasuredFigure, step: number): Ring | undefined {
    const key = seriesKey(figure);
    const known = rings.get(key);
    if (known !== undefined) return known;
    if (isOfTarget(figure) && !makeRoom(targetKey(figure), step)) return undefined;
    const { name, labels } = figure;
    const made: Ring = { name, labels, parts: [], lastStep: step };
    rings.set(key, made);
    return made;
  }

  /** Whether a target may have series; where all places are taken, the target that was last seen longest ago loses its own. */
  function makeRoom(target: string, step: number): boolean {
    const seen = new Map<string, number>();
    for (const ring of rings.values())
      if (isOfTarget(ring))
        seen.set(targetKey(ring), Math.max(ring.lastStep, seen.get(targetKey(ring)) ?? 0));
    if (seen.has(target) || seen.size < mostTargets) return true;
    const [oldest] = [...seen].toSorted(([, one], [, other]) => one - other);
    // Targets of this step and the last one are in use: they would only take the places of each other.
    if (oldest === undefined || oldest[1] >= step - 1) return false;
    for (const [key, ring] of rings) if (isOfTarget(ring) && targetKey(ring) === oldest[0]) rings.delete(key);
    return true;
  }

  return {
    add(at, figures) {
      const step = at / stepSeconds;
      const place = step % pointsKept;
      steps[place] = step;
      for (const { parts } of rings.values()) {
        const part = parts[partOf(place)];
        if (part !== undefined) part[place % partPoints] = Number.NaN;
      }
      for (const figure of figures) {
        const ring = ringOf(figure, step);
        if (ring === undefined) continue;
        ring.parts[partOf(place)] ??= new Float32Array(partPoints).fill(Number.NaN);
        (ring.parts[partOf(place)] as Float32Array)[place % partPoints] = figure.value;
        ring.lastStep = step;
      }
      for (const [key, { lastStep }] of rings) if (lastStep <= step - pointsKept) rings.delete(key);
    },
    read({ names, since, step = stepSeconds }) {
      const places = placesFrom(steps, since / stepSeconds);
      const table: SeriesTable = {
        times: Float64Array.from(places, (place) => (steps[place] ?? 0) * stepSeconds),
        series: [...rings.values()]
          .filter(({ name }) => names === undefined || names.includes(name))
          .map(({ name, labels, parts }) => ({ name, labels, values: valuesAt(parts, places) })),
      };
      return step === stepSeconds ? table : inLongerSteps(table, step);
    },
  };
}

/** All series of a day are four million values, which are copied in one turn of the event loop: 20 ms. */
function valuesAt(parts: Ring['parts'], places: Uint16Array): Float32Array {
  const copied = new Float32Array(places.length);
  for (let index = 0; index < places.length; index += 1) {
    const place = places[index] ?? 0;
    copied[index] = parts[partOf(place)]?.[place % partPoints] ?? Number.NaN;
  }
  return copied;
}

const partPoints = 360;

function partOf(place: number): number {
  return Math.floor(place / partPoints);
}

/** The places that hold one of the last steps, no earlier than `since`, by their time. */
function placesFrom(steps: Float64Array, since: number): Uint16Array {
  const newest = steps.reduce((last, step) => Math.max(last, step), 0);
  const from = Math.max(since, newest - pointsKept + 1, 1);
  const places = [...steps.keys()].filter((place) => (steps[place] ?? 0) >= from);
  return Uint16Array.from(places.toSorted((one, other) => (steps[one] ?? 0) - (steps[other] ?? 0)));
}

function isOfTarget({ labels }: Pick<Figure, 'labels'>): boolean {
  return labels['upstream'] !== undefined;
}

function targetKey({ labels }: Pick<Figure, 'labels'>): string {
  return JSON.stringify([labels['upstream'], labels['model']]);
}
