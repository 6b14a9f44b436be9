import type { Probe } from './probes/probe.ts';
import type { ProbeName } from './probes/probe-names.ts';
import { probes } from './probes/probes.ts';
import { fullId, type Rule } from './rules/rule.ts';
import { rules } from './rules/rules.ts';
import { mostSentAgain } from './sent-again.ts';

/** Of a small budget: a reasoning model refuses two fields once. */
const keptForAgain = 2;

export interface PlanOptions {
  /** Ids (`openai/done`, `done`), groups or sets; empty: every rule. */
  readonly only: readonly string[];
  /** Default: as many as the probes need. */
  readonly maxRequests?: number | undefined;
  readonly maxTokens?: number | undefined;
  /** The model is not known yet: the list of models is asked for. */
  readonly needsModel: boolean;
}

/** What a check will ask for, before it has asked anything. */
export interface Plan {
  readonly rules: readonly Rule[];
  readonly probes: readonly Probe[];
  /** At most, without those that are sent again. */
  readonly requests: number;
  /** How many may be sent again: where the endpoint asks the client to wait, or its model refuses a field. */
  readonly again: number;
  /** Completion tokens, at most; prompts are short and come on top. */
  readonly tokens: number;
  /** Probes that the rules need and the budget does not allow. */
  readonly leftOut: readonly Probe[];
}

export type PlanResult =
  | { readonly ok: true; readonly plan: Plan }
  /** A word of `only` that names nothing. */
  | { readonly ok: false; readonly unknown: string };

/** Every word that `only` may be. */
export function ruleWords(): readonly string[] {
  return [...new Set(rules.flatMap((rule) => [rule.set, rule.group, rule.id, fullId(rule)]))];
}

export function makePlan({ only, maxRequests, maxTokens, needsModel }: PlanOptions): PlanResult {
  const words = ruleWords();
  const unknown = only.find((word) => !words.includes(word));
  if (unknown !== undefined) return { ok: false, unknown };
  const chosen = rules.filter(
    (rule) =>
      only.length === 0 || [rule.set, rule.group, rule.id, fullId(rule)].some((word) => only.includes(word)),
  );
  const needed = new Set<ProbeName>(chosen.flatMap((rule) => rule.probes));
  if (needsModel) needed.add('models');
  const taken: Probe[] = [];
  const leftOut: Probe[] = [];
  let [requests, tokens] = [0, 0];
  const most = maxRequests ?? Number.POSITIVE_INFINITY;
  const mostPlanned = most > keptForAgain * 2 ? most - keptForAgain : most;
  for (const probe of probes.filter(({ name }) => needed.has(name))) {
    const fits =
      requests + probe.requests <= mostPlanned &&
      tokens + probe.tokens <= (maxTokens ?? Number.POSITIVE_INFINITY);
    (fits ? taken : leftOut).push(probe);
    if (!fits) continue;
    requests += probe.requests;
    tokens += probe.tokens;
  }
  const again = Math.min(mostSentAgain, most - requests);
  return { ok: true, plan: { rules: chosen, probes: taken, requests, again, tokens, leftOut } };
}
