import type { JsonObject } from '../../domain/json.ts';
import type { GeminiModel } from './models.ts';

/** Google's own mapping of efforts for 2.5 (ai.google.dev/gemini-api/docs/openai, "Thinking"). */
const budgets: Readonly<Record<string, number>> = {
  none: 0,
  minimal: 1_024,
  low: 1_024,
  medium: 8_192,
  high: 24_576,
  xhigh: 24_576,
  max: 24_576,
};

/**
 * What `reasoning_effort` becomes. Models that think are always asked to show it: a thought is reasoning for
 * the client, and a sign of life for us. An effort that nobody knows leaves the amount to the model.
 */
export function thinkingConfig(effort: string | undefined, model: GeminiModel): JsonObject | undefined {
  switch (model.thinking) {
    case 'none':
      return undefined;
    case 'budget': {
      const wanted = effort === undefined ? undefined : budgets[effort];
      if (wanted === undefined) return { includeThoughts: true };
      const budget = Math.max(wanted, model.leastBudget);
      return budget === 0 ? { thinkingBudget: 0 } : { thinkingBudget: budget, includeThoughts: true };
    }
    case 'level': {
      const level = levelOf(effort, model);
      return { ...(level === undefined ? {} : { thinkingLevel: level }), includeThoughts: true };
    }
  }
}

function levelOf(effort: string | undefined, { levels }: GeminiModel): string | undefined {
  switch (effort) {
    case 'none':
    case 'minimal':
      return levels.has('minimal') ? 'minimal' : 'low';
    case 'low':
      return 'low';
    case 'medium':
      return levels.has('medium') ? 'medium' : 'high';
    case 'high':
    case 'xhigh':
    case 'max':
      return 'high';
    default:
      return undefined;
  }
}
