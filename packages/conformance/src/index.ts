/**
 * Judges how an OpenAI-compatible endpoint streams chat completions.
 *
 *     const planned = makePlan({ only: [], needsModel: true });
 *     const result = await checkEndpoint(planned.plan, { endpoint, headers: {}, timeoutMs: 60_000, concurrency: 1, signal });
 *     process.stdout.write(textReport(result.report, { colour: false }));
 */
export {
  type CheckReport,
  type CheckResult,
  checkEndpoint,
  keepsOpenAiForm,
  type RuleResult,
  type Verdict,
} from './check.ts';
export { makePlan, type Plan, type PlanOptions, type PlanResult, ruleWords } from './plan.ts';
export type { Probe } from './probes/probe.ts';
export { badge } from './report/badge.ts';
export { jsonReport } from './report/json-report.ts';
export { junitReport } from './report/junit-report.ts';
export { planText, type TextOptions, textReport } from './report/text-report.ts';
export {
  type Evidence,
  fullId,
  type Rule,
  type RuleGroup,
  type RuleSet,
  ruleGroups,
  type Severity,
} from './rules/rule.ts';
export { rules } from './rules/rules.ts';
export type { RunOptions } from './run-probes.ts';
export { type Endpoint, readEndpoint } from './wire/endpoint.ts';
