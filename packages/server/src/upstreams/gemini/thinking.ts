import type { JsonObject } from '../../domain/json.ts';
import type { GeminiModel } from './models.ts';

/** Budgets in tokens by effort, as Google maps them for 2.5 (ai.google.dev/gemini-api/docs/openai, "Thinking"). */
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
 * The `thinkingConfig` for a `reasoning_effort`. A model that thinks is asked to send its thoughts, also without an effort:
 * they are reasoning for the client and a sign of life for the relay. For an unknown effort the model decides how much it
 * thinks.
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
