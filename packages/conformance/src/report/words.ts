import type { CheckReport, RuleResult, Verdict } from '../check.ts';
import type { RuleSet } from '../rules/rule.ts';

export const setTitles: Readonly<Record<RuleSet, string>> = {
  openai: 'OpenAI’s own form: what clients of any endpoint rely on',
  tailrace: 'Tailrace’s wire contract: stricter',
};

export const verdictWords: Readonly<Record<Verdict, string>> = {
  pass: 'pass',
  fail: 'FAIL',
  warn: 'warn',
  'not-applicable': 'not applicable',
  'too-slow': 'not judged: too slow',
  'not-tried': 'not tried',
};

export function countOf(results: readonly RuleResult[], verdict: Verdict): number {
  return results.filter((result) => result.verdict === verdict).length;
}

export function ofSet({ results }: CheckReport, set: RuleSet): readonly RuleResult[] {
  return results.filter((result) => result.set === set);
}

/** `62 pass, 1 FAIL, 2 warn, 8 not applicable`. */
export function tally(results: readonly RuleResult[]): string {
  const verdicts: readonly Verdict[] = ['fail', 'warn', 'pass', 'not-applicable', 'too-slow', 'not-tried'];
  return verdicts
    .map((verdict) => [countOf(results, verdict), verdictWords[verdict]] as const)
    .filter(([count]) => count > 0)
    .map(([count, words]) => `${count} ${words}`)
    .join(', ');
}

/** `tools/stream, event 3`. */
export function placeOf({ exchange, event }: RuleResult['seen'][number]): string {
  return event === undefined ? exchange : `${exchange}, event ${event}`;
}
