import type { ProbeName } from '../probes/probe-names.ts';
import type { Recording } from '../wire/exchange.ts';

/** `openai`: what clients of any OpenAI-compatible endpoint rely on. `tailrace`: the stricter wire contract of Tailrace. */
export type RuleSet = 'openai' | 'tailrace';

/** In the order of a report. */
export const ruleGroups = [
  'answers',
  'framing',
  'chunks',
  'endings',
  'usage',
  'tools',
  'structured',
  'fields',
  'errors',
  'connections',
  'resume',
] as const;
export type RuleGroup = (typeof ruleGroups)[number];

/** `failure`: a client breaks, or takes a wrong answer for right. `warning`: some clients lose something. */
export type Severity = 'failure' | 'warning';

/** What was seen on the wire, in one place. */
export interface Evidence {
  /** The exchange, such as `tools/stream`. */
  readonly exchange: string;
  /** The event of the stream, from 1; absent where it is not about one. */
  readonly event?: number;
  readonly seen: string;
}

/** What a rule says of a recording, before its severity is known. */
export interface Judgement {
  readonly broken: readonly Evidence[];
  /** In how many places the rule could be judged and holds. */
  readonly held: number;
  /** Why it could not be judged, where it nowhere could. */
  readonly notApplicable?: string;
}

export interface Rule {
  /** Without its set: `chunk-id`. Unique in its set. */
  readonly id: string;
  readonly set: RuleSet;
  readonly group: RuleGroup;
  readonly severity: Severity;
  /** One sentence. */
  readonly expects: string;
  /** What happens where it is broken, and to which client. */
  readonly why: string;
  /** What is asked for it. */
  readonly probes: readonly ProbeName[];
  readonly judge: (recording: Recording) => Judgement;
}

/** `openai/chunk-id`. */
export function fullId({ set, id }: Pick<Rule, 'set' | 'id'>): string {
  return `${set}/${id}`;
}
