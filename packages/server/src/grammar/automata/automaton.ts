import { codePointsOf } from './code-points.ts';

/**
 * A deterministic automaton over code points, walked state by state and built only as far as it is walked.
 * All code points from one boundary of a state up to the next behave alike in it.
 */
export interface Automaton {
  /** Where behaviour may change in this state; in any order, repeats allowed. */
  boundaries(state: number): readonly number[];
  /** How much work one step from this state is; absent: 1. */
  cost?(state: number): number;
  readonly initial: number;
  /** The next state, or `dead`. */
  next(state: number, codePoint: number): number;
  accepts(state: number): boolean;
}

/** No text leads on from here to an end. */
export const dead = -1;

/** One condition on a string: it is in the language of the automaton, or, with `negated`, it is not. */
export interface Condition {
  readonly automaton: Automaton;
  readonly negated?: boolean;
}

/** Counts code points: `min` to `max` of them. */
export function lengthAutomaton(min: number, max: number | undefined): Automaton {
  const last = max ?? min;
  return {
    boundaries: () => [],
    initial: 0,
    next: (state) => (state < last ? state + 1 : max === undefined ? state : dead),
    accepts: (state) => state >= min,
  };
}

/** Exactly these texts, as a tree of their common beginnings. */
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
