import { codePointsOf } from './code-points.ts';

/**
 * A deterministic automaton over code points. Its states are computed only when a walk reaches them.
 * In one state all code points from a boundary up to the next boundary lead to the same state.
 */
export interface Automaton {
  /** The code points from which on this state may lead elsewhere; in any order, with repetitions. */
  boundaries(state: number): readonly number[];
  /** Work of one step from this state, in the units of `Work`. Default: 1. */
  cost?(state: number): number;
  readonly initial: number;
  /** The next state, or `dead`. */
  next(state: number, codePoint: number): number;
  accepts(state: number): boolean;
}

/** The state from which no text is accepted. */
export const dead = -1;

/** One condition on a string: the automaton accepts it, or, with `negated`, it does not. */
export interface Condition {
  readonly automaton: Automaton;
  readonly negated?: boolean;
}

/** Texts of `min` to `max` code points. `max` absent: no limit. */
export function lengthAutomaton(min: number, max: number | undefined): Automaton {
  const last = max ?? min;
  return {
    boundaries: () => [],
    initial: 0,
    next: (state) => (state < last ? state + 1 : max === undefined ? state : dead),
    accepts: (state) => state >= min,
  };
}

/** Exactly these texts, as a tree in which texts share their common prefixes. */
export function textsAutomaton(texts: Iterable<string>): Automaton {
  const nodes: { readonly next: Map<number, number>; end: boolean }[] = [{ next: new Map(), end: false }];
  for (const value of texts) {
    let state = 0;
    for (const codePoint of codePointsOf(value)) {
      let next = nodes[state]?.next.get(codePoint);
      if (next === undefined) {
        next = nodes.push({ next: new Map(), end: false }) - 1;
        nodes[state]?.next.set(codePoint, next);
      }
      state = next;
    }
    const node = nodes[state];
    if (node !== undefined) node.end = true;
  }
  return {
    boundaries: (state) => [...(nodes[state]?.next.keys() ?? [])].flatMap((point) => [point, point + 1]),
    initial: 0,
    next: (state, codePoint) => nodes[state]?.next.get(codePoint) ?? dead,
    accepts: (state) => nodes[state]?.end === true,
  };
}

/** Whether a text meets every condition. */
export function meets(conditions: readonly Condition[], value: string): boolean {
  const points = codePointsOf(value);
  return conditions.every(({ automaton, negated }) => {
    let state = automaton.initial;
    for (const codePoint of points) {
      state = automaton.next(state, codePoint);
      if (state === dead) break;
    }
    return (state !== dead && automaton.accepts(state)) !== (negated === true);
  });
}
