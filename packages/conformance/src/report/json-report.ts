import type { CheckReport } from '../check.ts';
import type { RuleSet } from '../rules/rule.ts';
import { countOf, ofSet } from './words.ts';

/** The report for machines. `version` changes where a member changes its meaning. */
export function jsonReport(report: CheckReport): string {
  const countsOf = (set: RuleSet) => {
    const results = ofSet(report, set);
    return {
      pass: countOf(results, 'pass'),
      fail: countOf(results, 'fail'),
      warn: countOf(results, 'warn'),
      not_applicable: countOf(results, 'not-applicable'),
      too_slow: countOf(results, 'too-slow'),
      not_tried: countOf(results, 'not-tried'),
    };
  };
  const { endpoint, model, startedAt, durationMs, requests, tooSlow, results } = report;
  return `${JSON.stringify(
    {
      version: 1,
      endpoint,
      model,
      started_at: startedAt,
      duration_ms: durationMs,
      requests,
      too_slow: tooSlow,
      counts: { openai: countsOf('openai'), tailrace: countsOf('tailrace') },
      results,
    },
    undefined,
    2,
  )}\n`;
}
