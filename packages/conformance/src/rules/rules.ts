import { answerRules } from './openai/answers.ts';
import { chunkRules } from './openai/chunks.ts';
import { connectionRules } from './openai/connections.ts';
import { endingRules } from './openai/endings.ts';
import { errorRules } from './openai/errors.ts';
import { fieldRules } from './openai/fields.ts';
import { framingRules } from './openai/framing.ts';
import { structuredRules } from './openai/structured.ts';
import { toolRules } from './openai/tools.ts';
import { usageRules } from './openai/usage.ts';
import { type Rule, ruleGroups } from './rule.ts';
import { headAndWriteRules } from './tailrace/head-and-writes.ts';
import { keptStreamRules } from './tailrace/kept-streams.ts';
import { refusalRules } from './tailrace/refusals.ts';
import { streamFormRules } from './tailrace/stream-form.ts';
import { strictAnswerRules } from './tailrace/whole-answers.ts';

const unsorted: readonly Rule[] = [
  ...answerRules,
  ...framingRules,
  ...chunkRules,
  ...endingRules,
  ...usageRules,
  ...toolRules,
  ...structuredRules,
  ...fieldRules,
  ...errorRules,
  ...connectionRules,
  ...strictAnswerRules,
  ...headAndWriteRules,
  ...streamFormRules,
  ...refusalRules,
  ...keptStreamRules,
];

/** Every rule: OpenAI's form first, then Tailrace's, each by group. */
export const rules: readonly Rule[] = (['openai', 'tailrace'] as const).flatMap((set) =>
  ruleGroups.flatMap((group) => unsorted.filter((rule) => rule.set === set && rule.group === group)),
);
