import { type Condition, dead } from './automaton.ts';
import { lastCodePoint, type Range, union } from './code-points.ts';

/** A complete deterministic automaton: from each of its states an accepting state can be reached. */
export interface StateTable {
  readonly states: readonly State[];
}

export interface State {
  readonly accepts: boolean;
  readonly edges: readonly { readonly ranges: readonly Range[]; readonly to: number }[];
}

/**
 * The work that is left for one schema. A state costs the number of its character classes times the cost of its
 * automata.
 */
export interface Work {
  left: number;
}

interface Step {
  readonly interval: Range;
  readonly to: number;
}

/**
 * The strings that meet all conditions at once, as a table; a table without states where no string does. Undefined
 * where this takes more than `maxStates` states (expressions such as `(a|b)*a(a|b){20}` have exponentially many) or
 * more work than is left. Surrogates are not in the alphabet.
 */
export function determinise(
  conditions: readonly Condition[],
  maxStates: number,
  work: Work,
): StateTable | undefined {
  const ids = new Map<string, number>();
  const found: (readonly number[])[] = [];
  const targets: (readonly Step[])[] = [];

  function identify(state: readonly number[]): number {
    // All conditions must hold: where a positive one has failed, no text can be accepted.
    if (conditions.some(({ negated }, index) => negated !== true && state[index] === dead)) return dead;
    const key = state.join(' ');
    const known = ids.get(key);
    if (known !== undefined) return known;
    ids.set(key, found.length);
    return found.push(state) - 1;
  }

  identify(conditions.map(({ automaton }) => automaton.initial));
  for (let index = 0; index < found.length; index += 1) {
    if (found.length > maxStates) return undefined;
    const state = found[index] ?? [];
    const intervals = alphabet(conditions, state);
    work.left -= intervals.length * costOf(conditions, state);
    if (work.left < 0) return undefined;
    targets.push(
      intervals.map((interval) => ({
        interval,
        to: identify(
          state.map((part, condition) =>
            part === dead ? dead : (conditions[condition]?.automaton.next(part, interval[0]) ?? dead),
          ),
        ),
      })),
    );
  }
  const accepting = found.map((state) =>
    conditions.every(({ automaton, negated }, index) => {
      const part = state[index] ?? dead;
      return (part !== dead && automaton.accepts(part)) !== (negated === true);
    }),
  );
  return trim(targets, accepting);
}

/** Ranges of characters; in this state no condition distinguishes the characters of one range. */
function alphabet(conditions: readonly Condition[], state: readonly number[]): readonly Range[] {
  const starts = new Set([0, 0xd800, 0xe000]);
  conditions.forEach(({ automaton }, index) => {
    const part = state[index] ?? dead;
    if (part !== dead) for (const boundary of automaton.boundaries(part)) starts.add(boundary);
  });
  const sorted = [...starts].filter((start) => start <= lastCodePoint).sort((a, b) => a - b);
  return sorted
    .map((start, index): Range => [start, (sorted[index + 1] ?? lastCodePoint + 1) - 1])
    .filter(([from]) => from < 0xd800 || from > 0xdfff);
}

function costOf(conditions: readonly Condition[], state: readonly number[]): number {
  return conditions.reduce((sum, { automaton }, index) => {
    const part = state[index] ?? dead;
    return sum + (part === dead ? 0 : (automaton.cost?.(part) ?? 1));
  }, 0);
}

/** Keeps the states that lead to an accepting one, merges edges with one target, and numbers the states from 0. */
function trim(targets: readonly (readonly Step[])[], accepting: readonly boolean[]): StateTable {
  const sources: number[][] = targets.map(() => []);
  targets.forEach((row, from) => {
    for (const to of new Set(row.map((step) => step.to))) sources[to]?.push(from);
  });
  const live = new Set<number>();
  const waiting = accepting.flatMap((accepts, state) => (accepts ? [state] : []));
  for (let state = waiting.pop(); state !== undefined; state = waiting.pop()) {
    if (live.has(state)) continue;
    live.add(state);
    waiting.push(...(sources[state] ?? []));
  }
  if (!live.has(0)) return { states: [] };

  const numbers = new Map([...live].sort((a, b) => a - b).map((state, index) => [state, index]));
  const states = [...numbers.keys()].map((state): State => {
    const byTarget = new Map<number, Range[]>();
    targets[state]?.forEach(({ interval, to: target }) => {
      const to = numbers.get(target);
      if (to === undefined) return;
      const ranges = byTarget.get(to);
      if (ranges === undefined) byTarget.set(to, [interval]);
      else ranges.push(interval);
    });
    return {
      accepts: accepting[state] === true,
      edges: [...byTarget].map(([to, ranges]) => ({ to, ranges: union(ranges) })),
    };
  });
  return { states };
}
