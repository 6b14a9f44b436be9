import type { ChatRequest, Message } from '../../domain/chat-request.ts';
import type { JsonObject } from '../../domain/json.ts';
import { hasSignedThoughts } from './assistant-blocks.ts';
import type { ClaudeModel } from './models.ts';

/** What `reasoning_effort` becomes: the `thinking` field, and the effort inside `output_config`. */
export interface ThinkingFields {
  readonly thinking?: JsonObject;
  readonly effort?: string;
}

/** Smallest budget the API takes. */
const leastBudget = 1_024;
/** Tokens of thought by effort, for models that count them: our choice, the API names none. */
const budgets: Readonly<Record<string, number>> = {
  minimal: leastBudget,
  low: 2_048,
  medium: 8_192,
  high: 24_576,
  xhigh: 49_152,
  max: 98_304,
};

/**
 * `reasoning_effort` only advises: where it cannot go together with something that binds (a temperature, a
 * forced tool, a prefill), the binding one wins and nothing is said about thinking. Without it the model's
 * own default holds.
 */
export function thinkingFields(
  request: ChatRequest,
  model: ClaudeModel,
  maxTokens: number,
  prefilled: boolean,
): ThinkingFields {
  const { reasoningEffort } = request;
  if (reasoningEffort === undefined || model.thinking === 'none') return {};
  if (model.thinking === 'adaptive') {
    if (reasoningEffort === 'none') {
      return model.thinkingStops ? { thinking: { type: 'disabled' } } : { effort: 'low' };
    }
    const effort = effortOf(reasoningEffort, model);
    if (effort === undefined) return {};
    if (excludesThinking(request, prefilled)) return { effort };
    // Without `display`, newer models think in silence: the default there is `omitted`.
    return { thinking: { type: 'adaptive', display: 'summarized' }, effort };
  }
  // Half the tokens at most: the budget is part of max_tokens, and an answer has to fit behind it.
  const budget = Math.min(budgets[reasoningEffort] ?? 0, Math.floor(maxTokens / 2));
  if (budget < leastBudget) return {};
  if (excludesThinking(request, prefilled) || !continuesThoughts(request.messages)) return {};
  return { thinking: { type: 'enabled', budget_tokens: budget } };
}

function effortOf(effort: string, model: ClaudeModel): string | undefined {
  switch (effort) {
    case 'minimal':
      return 'low';
    case 'low':
    case 'medium':
    case 'high':
      return effort;
    case 'xhigh':
    case 'max':
      return model.highEfforts ? effort : 'high';
    default:
      return undefined;
  }
}

/** Thinking demands temperature 1 and a free choice of tools, and cannot be prefilled. */
function excludesThinking(request: ChatRequest, prefilled: boolean): boolean {
  return (
    prefilled ||
    (request.temperature ?? 1) !== 1 ||
    (request.topP ?? 1) !== 1 ||
    request.toolChoice?.type === 'required' ||
    request.toolChoice?.type === 'function'
  );
}

/**
 * In the middle of a tool loop, a model with a thinking budget wants the thoughts that led to each call, with
 * their signatures: where another provider's turn stands there instead, thinking stays off.
 */
function continuesThoughts(messages: readonly Message[]): boolean {
  for (const message of messages.toReversed()) {
    if (message.role === 'user') return true;
    if (message.role === 'assistant' && message.toolCalls.length > 0 && !hasSignedThoughts(message))
      return false;
  }
  return true;
}
