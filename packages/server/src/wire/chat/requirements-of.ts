import { type ChatRequest, toolChoiceOf } from '../../domain/chat-request.ts';
import type { JsonObject, JsonValue } from '../../domain/json.ts';
import { nearest } from '../../domain/nearest.ts';
import { requestFields } from '../../domain/request-fields.ts';
import type { Feature, Requirement } from '../../domain/requirements.ts';

/**
 * What a request needs of a target; of several that a target lacks, the first one is named in the refusal. A value that
 * asks for nothing (`n: 1`, a penalty of 0, `tools: []`) needs nothing. `unknownField`: the path of the first unknown
 * member.
 */
export function requirementsOf(request: ChatRequest, unknownField: string | undefined): Requirement[] {
  const needs: Requirement[] = [];
  const need = (condition: boolean, feature: Feature, param: string = feature, hint?: string) => {
    if (condition) needs.push({ feature, param, ...(hint === undefined ? {} : { hint }) });
  };
  const { rest } = request;
  const { type: choice } = toolChoiceOf(request);
  need(request.temperature !== undefined && request.temperature !== 1, 'temperature');
  need(request.topP !== undefined && request.topP !== 1, 'top_p');
  need(request.maxTokens !== undefined, 'max_tokens', request.maxTokensParam);
  need(request.stop.length > 0, 'stop');
  need(request.seed !== undefined, 'seed');
  need(request.n > 1, 'n');
  need((request.presencePenalty ?? 0) !== 0, 'presence_penalty');
  need((request.frequencyPenalty ?? 0) !== 0, 'frequency_penalty');
  need(request.logitBias !== undefined, 'logit_bias');
  need(request.logprobs, 'logprobs');
  need(request.continued !== undefined, 'continued_answer', 'continue_final_message');
  const { type: format } = request.responseFormat;
  // A target may honour one type and not another, so the name of the field alone would not be exact.
  const lacking = `What it lacks is the type '${format}': ask for another one, or use another model.`;
  if (format !== 'text') need(true, format, 'response_format', lacking);
  need(request.tools.length > 0, 'tools');
  need(choice === 'required' || choice === 'function', 'tool_choice');
  needLegacyFunctions(rest, need);
  need(asksForAudio(rest['modalities']), 'audio_output', 'modalities');
  need(present(rest['audio']), 'audio_output', 'audio');
  need(present(rest['prediction']), 'prediction');
  need(present(rest['web_search_options']), 'web_search', 'web_search_options');
  if (unknownField !== undefined) needs.push(needOfUnknown(unknownField));
  return needs;
}

/** The nearest known field is searched only when a refusal is written: most unknown fields are intended, and honoured. */
function needOfUnknown(field: string): Requirement {
  return {
    feature: 'unknown_fields',
    param: field,
    get hint() {
      const meant = nearest(field, requestFields);
      return meant === undefined ? undefined : `OpenAI's API has no such field; the nearest is '${meant}'.`;
    },
  };
}

function needLegacyFunctions(
  rest: JsonObject,
  need: (condition: boolean, feature: Feature, param: string, hint: string) => void,
): void {
  const { functions, function_call: call } = rest;
  const older = "It is OpenAI's older form: send";
  need(Array.isArray(functions) && functions.length > 0, 'functions', 'functions', `${older} 'tools'.`);
  const forced = present(call) && call !== 'none' && call !== 'auto';
  need(forced, 'functions', 'function_call', `${older} 'tools' and 'tool_choice'.`);
}

function asksForAudio(modalities: JsonValue | undefined): boolean {
  return Array.isArray(modalities) && modalities.some((modality) => modality !== 'text');
}

function present(value: JsonValue | undefined): boolean {
  return value !== undefined && value !== null;
}
