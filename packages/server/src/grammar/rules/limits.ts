import type { Work } from '../automata/determinise.ts';

/** What a schema may cost. A schema over any of these limits is refused with 400 before generation begins. */
export interface GrammarLimits {
  /** Levels of objects and lists in the schema. */
  readonly maxDepth: number;
  /** Objects, lists and other values in the schema, counted together. */
  readonly maxNodes: number;
  /** Properties in one object. */
  readonly maxProperties: number;
  /** Alternatives in one oneOf, which are compared pair by pair. */
  readonly maxExclusive: number;
  /** Characters or items counted by one minLength, maxLength, minItems or maxItems. */
  readonly maxCount: number;
  /** Visits of schemas; each combination of alternatives and each reference counts as a visit of its own. */
  readonly maxVisits: number;
  /** Steps of work for the automata of all strings of a schema together; a million take about 0.2 s. */
  readonly maxWork: number;
  /** States of the automaton of one string: `pattern`, `format` and length together. */
  readonly maxStates: number;
  readonly maxRules: number;
  /** Length of the grammar's text in bytes. */
  readonly maxBytes: number;
  /** Symbols into which llama.cpp's parser expands repetitions. */
  readonly maxRepetitions: number;
  /** Derivations that may be alive at one point of an answer; each costs llama.cpp about a millisecond a token. */
  readonly maxDerivations: number;
  /** Forms that are followed to count derivations; six times as many where alternatives are made to share prefixes. */
  readonly maxSteps: number;
  /** Steps of llama.cpp's check for left recursion; 50,000 steps take about 0.1 s. */
  readonly maxLeftmostWalks: number;
}

export const defaultLimits: GrammarLimits = {
  maxDepth: 64,
  maxNodes: 50_000,
  maxProperties: 1_000,
  maxExclusive: 200,
  maxCount: 1_000_000,
  maxVisits: 100_000,
  maxWork: 500_000,
  maxStates: 4_000,
  maxRules: 30_000,
  maxBytes: 1_048_576,
  maxRepetitions: 300_000,
  maxDerivations: 256,
  maxSteps: 30_000,
  maxLeftmostWalks: 50_000,
};

/** The work and the visits that are left: for a schema, or for all tools of a request together. */
export interface Budget extends Work {
  visits: number;
}

export function createBudget({ maxVisits, maxWork }: GrammarLimits): Budget {
  return { visits: maxVisits, left: maxWork };
}
