import type { ChatRequest, Message } from '../../domain/chat-request.ts';
import type { JsonObject } from '../../domain/json.ts';
import { hasSignedThoughts } from './assistant-blocks.ts';
import type { ClaudeModel } from './models.ts';

/** The fields of a request for its `reasoning_effort`: `thinking`, and the effort inside `output_config`. */
export interface ThinkingFields {
  readonly thinking?: JsonObject;
  readonly effort?: string;
}

/** The smallest budget that the API accepts. */
const leastBudget = 1_024;
/** Budgets in tokens by effort. They are our choice: the API defines none. */
const budgets: Readonly<Record<string, number>> = {
  minimal: leastBudget,
  low: 2_048,
  medium: 8_192,
  high: 24_576,
  xhigh: 49_152,
  max: 98_304,
};

/**
 * The fields for the `reasoning_effort` of a request. The effort is advisory: where a binding field (a temperature, a forced
 * tool, a prefill) excludes thinking, the request is sent without `thinking`. Without an effort the model's default holds.
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
    // The default of `display` is `omitted` in newer models: they would think without sending anything.
    return { thinking: { type: 'adaptive', display: 'summarized' }, effort };
  }
  // At most half of `max_tokens`: the budget is part of it, and the answer has to fit into the rest.
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

/** Thinking demands temperature 1 and a free choice of tools, and excludes a prefill. */
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
 * Whether every call since the last user's message has signed thoughts. In a tool loop, a model with a thinking budget demands
 * them; turns of other providers have none, and then thinking is not requested.
 */
function continuesThoughts(messages: readonly Message[]): boolean {
  for (const message of messages.toReversed()) {
    if (message.role === 'user') return true;
    if (message.role === 'assistant' && message.toolCalls.length > 0 && !hasSignedThoughts(message))
      return false;
  }
  return true;
}
