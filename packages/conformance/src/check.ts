import type { Plan } from './plan.ts';
import { redact } from './redact.ts';
import {
  type Evidence,
  fullId,
  type Rule,
  type RuleGroup,
  type RuleSet,
  type Severity,
} from './rules/rule.ts';
import { leaveOutSlow, whyTooSlow } from './rules/too-slow.ts';
import { type RunOptions, runProbes } from './run-probes.ts';
import type { Recording } from './wire/exchange.ts';

/**
 * `fail` and `warn`: the rule is broken, by its severity. `not-applicable`: nothing was seen to which it applies. `too-slow`: every answer
 * that it needs was cut by the timeout of the check. `not-tried`: the budget did not allow what it needs.
 */
export type Verdict = 'pass' | 'fail' | 'warn' | 'not-applicable' | 'too-slow' | 'not-tried';

export interface RuleResult {
  /** `openai/done`. */
  readonly id: string;
  readonly set: RuleSet;
  readonly group: RuleGroup;
  readonly severity: Severity;
  readonly verdict: Verdict;
  readonly expects: string;
  readonly why: string;
  /** Where it is broken: the first places. */
  readonly seen: readonly Evidence[];
  /** In how many places it is broken, and in how many exchanges it holds. */
  readonly broken: number;
  readonly held: number;
  /** Why it was not judged. */
  readonly reason?: string;
}

export interface CheckReport {
  /** The base URL. */
  readonly endpoint: string;
  readonly model: string;
  /** RFC 3339. */
  readonly startedAt: string;
  readonly durationMs: number;
  /** Requests that were sent. */
  readonly requests: number;
  /** Exchanges that the timeout has cut, and that no rule has judged. */
  readonly tooSlow: readonly string[];
  /** In the order of the rules. */
  readonly results: readonly RuleResult[];
}

export type CheckResult =
  | { readonly ok: true; readonly report: CheckReport }
  | { readonly ok: false; readonly problem: string };

/** Places of one rule that a report shows. */
const maxSeen = 5;

/** Judges an endpoint: sends what the plan needs, and holds what came against its rules. */
export async function checkEndpoint(plan: Plan, options: RunOptions): Promise<CheckResult> {
  const started = new Date();
  const ran = await runProbes(plan, options);
  const hide = redact([options.key, ...Object.values(options.headers)]);
  if (!ran.ok) return { ok: false, problem: hide(ran.problem) };
  const results = judgeRecording(plan.rules, ran.recording, (rule) => whyNotTried(rule, plan));
  return {
    ok: true,
    report: {
      endpoint: options.endpoint.url,
      model: hide(ran.model),
      startedAt: started.toISOString(),
      durationMs: Date.now() - started.getTime(),
      requests: ran.recording.size,
      tooSlow: leaveOutSlow(ran.recording).slow.map(({ name }) => name),
      results: results.map((result) => ({
        ...result,
        ...(result.reason === undefined ? {} : { reason: hide(result.reason) }),
        seen: result.seen.map((one) => ({ ...one, seen: hide(one.seen) })),
      })),
    },
  };
}

/** Holds a recording against rules; `whyNot`: why nothing was asked for a rule, undefined where something was. */
export function judgeRecording(
  rules: readonly Rule[],
  recording: Recording,
  whyNot: (rule: Rule) => string | undefined = () => undefined,
): readonly RuleResult[] {
  const { rest, slow } = leaveOutSlow(recording);
  return rules.map((rule): RuleResult => {
    const { judge, probes: _probes, ...known } = rule;
    const base = { ...known, id: fullId(rule) };
    const { broken, held, notApplicable } = judge(rest);
    const counts = { seen: broken.slice(0, maxSeen), broken: broken.length, held };
    if (broken.length > 0)
      return { ...base, ...counts, verdict: rule.severity === 'failure' ? 'fail' : 'warn' };
    if (held > 0) return { ...base, ...counts, verdict: 'pass' };
    const late = whyTooSlow(rule, slow);
    if (late !== undefined) return { ...base, ...counts, verdict: 'too-slow', reason: late };
    const reason = whyNot(rule);
    if (reason !== undefined) return { ...base, ...counts, verdict: 'not-tried', reason };
    return { ...base, ...counts, verdict: 'not-applicable', reason: notApplicable ?? 'nothing was seen' };
  });
}

function whyNotTried({ probes }: Rule, { leftOut }: Plan): string | undefined {
  const missing = leftOut.filter(({ name }) => probes.includes(name)).map(({ name }) => name);
  return missing.length === 0 ? undefined : `the budget leaves out: ${missing.join(', ')}`;
}

/** Whether OpenAI’s own form is kept, as far as it was judged. */
export function keepsOpenAiForm({ results }: CheckReport): boolean {
  return !results.some(({ set, verdict }) => set === 'openai' && verdict === 'fail');
}
