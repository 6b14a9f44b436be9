import { assertNever } from '../../domain/assert-never.ts';
import { type Automaton, dead } from './automaton.ts';
import { contains, type Range, scalarValues } from './code-points.ts';
import type { Pattern } from './pattern-parser.ts';

/** Limit of states of the nondeterministic automaton of one pattern; `[a-z]{1,500}` has about a thousand. */
const maxPlaces = 10_000;

/** A state of the nondeterministic automaton. */
interface Place {
  /** Places that are reached from here without a character. */
  readonly free: number[];
  /** Places that are reached without a character before the first character only. */
  readonly atStart: number[];
  /** Places that are reached without a character behind the last character only. */
  readonly atEnd: number[];
  readonly steps: { readonly ranges: readonly Range[]; readonly to: number }[];
}

/**
 * The strings in which the pattern matches at some position: JSON Schema's patterns are not anchored. The two steps of
 * the textbook: Thompson's construction makes places, the subset construction makes states of sets of places.
 * Undefined where the pattern needs more than `maxPlaces`.
 */
export function patternAutomaton(pattern: Pattern): Automaton | undefined {
  const places: Place[] = [];
  let tooLarge = false;

  function place(): number {
    if (places.length > maxPlaces) tooLarge = true;
    return places.push({ free: [], atStart: [], atEnd: [], steps: [] }) - 1;
  }
  function step(from: number, ranges: readonly Range[], to: number): void {
    places[from]?.steps.push({ ranges, to });
  }

  /** Adds places that match `item` from `from` on; returns the place behind it. */
  function add(item: Pattern, from: number): number {
    if (tooLarge) return from;
    switch (item.kind) {
      case 'characters': {
        const to = place();
        step(from, item.ranges, to);
        return to;
      }
      case 'start': {
        const to = place();
        places[from]?.atStart.push(to);
        return to;
      }
      case 'end': {
        const to = place();
        places[from]?.atEnd.push(to);
        return to;
      }
      case 'sequence':
        return item.items.reduce((at, next) => add(next, at), from);
      case 'choice': {
        const to = place();
        for (const branch of item.items) {
          const start = place();
          places[from]?.free.push(start);
          places[add(branch, start)]?.free.push(to);
        }
        return to;
      }
      case 'repeat':
        return addRepeat(item.item, item.min, item.max, from);
      default:
        return assertNever(item);
    }
  }

  function addRepeat(item: Pattern, min: number, max: number | undefined, from: number): number {
    let at = from;
    for (let time = 0; time < min && !tooLarge; time += 1) at = add(item, at);
    const to = place();
    if (max === undefined) {
      const loop = place();
      places[at]?.free.push(loop);
      places[add(item, loop)]?.free.push(loop);
      places[loop]?.free.push(to);
      return to;
    }
    for (let time = min; time < max && !tooLarge; time += 1) {
      places[at]?.free.push(to);
      const start = place();
      places[at]?.free.push(start);
      at = add(item, start);
    }
    places[at]?.free.push(to);
    return to;
  }

  const first = place();
  step(first, scalarValues, first);
  const start = place();
  places[first]?.free.push(start);
  const matched = add(pattern, start);
  if (tooLarge) return undefined;
  return subsets(places, first, matched);
}

function subsets(places: readonly Place[], first: number, matched: number): Automaton {
  const states: (readonly number[])[] = [];
  const ids = new Map<string, number>();

  function closure(from: Iterable<number>, atStart: boolean, atEnd: boolean): ReadonlySet<number> {
    const found = new Set<number>();
    const waiting = [...from];
    for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
      if (found.has(id)) continue;
      found.add(id);
      const place = places[id];
      if (place === undefined) continue;
      for (const next of place.free) waiting.push(next);
      if (atStart) waiting.push(...place.atStart);
      if (atEnd) waiting.push(...place.atEnd);
    }
    return found;
  }

  function identify(set: ReadonlySet<number>): number {
    if (set.size === 0) return dead;
    // Behind a match every text is accepted, so all sets that contain a match are one state.
    const members = set.has(matched) ? [matched] : [...set].sort((a, b) => a - b);
    const key = members.join(' ');
    const known = ids.get(key);
    if (known !== undefined) return known;
    ids.set(key, states.length);
    return states.push(members) - 1;
  }

  // The initial state is never shared with a later one that has the same places: `^` matches before the first
  // character only, which in an empty string is also the end.
  const opening = closure([first], true, false);
  const initial = states.push(opening.has(matched) ? [matched] : [...opening]) - 1;

  return {
    initial,
    boundaries(state) {
      const members = states[state] ?? [];
      if (members[0] === matched && members.length === 1) return [];
      return members.flatMap((id) =>
        (places[id]?.steps ?? []).flatMap(({ ranges }) => ranges.flatMap(([from, to]) => [from, to + 1])),
      );
    },
    cost: (state) => states[state]?.length ?? 1,
    next(state, codePoint) {
      const members = states[state] ?? [];
      if (members[0] === matched && members.length === 1) return state;
      const reached = new Set<number>();
      for (const id of members) {
        for (const { ranges, to } of places[id]?.steps ?? []) {
          if (contains(ranges, codePoint)) reached.add(to);
        }
      }
      return identify(closure(reached, false, false));
    },
    accepts: (state) => closure(states[state] ?? [], state === initial, true).has(matched),
  };
}
