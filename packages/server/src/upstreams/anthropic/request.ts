import { type ChatRequest, toolChoiceOf } from '../../domain/chat-request.ts';
import { fail, ok, type Result } from '../../domain/failure.ts';
import { isObject, type JsonObject, type JsonValue } from '../../domain/json.ts';
import { keepSpellings } from '../../domain/spellings.ts';
import type { UpstreamCall } from '../contract.ts';
import { createArgumentsReader, markedAs, withoutUndefined } from '../http/request/request-json.ts';
import { cacheControlOf } from './cache-control.ts';
import { conversation } from './conversation.ts';
import type { ClaudeModel } from './models.ts';
import { closeObjects } from './output-schema.ts';
import { hasEffect, refusalOf } from './refusals.ts';
import { type ThinkingFields, thinkingFields } from './thinking.ts';

/**
 * The body of `POST /v1/messages` (platform.claude.com/docs/en/api/messages), or the failure of {@link refusalOf}.
 *
 * Advisory fields that the API does not have are left out: `service_tier`, `verbosity`, `store`, `metadata`,
 * `prompt_cache_key`, and the `name` of a message.
 */
export function requestBody(call: UpstreamCall, model: ClaudeModel): Result<JsonObject> {
  const { request, prefix } = call;
  const problem = refusalOf(request, model);
  if (problem !== undefined) return fail(problem);
  const calls = createArgumentsReader();
  const { system, messages } = conversation(request.messages, model, calls.read, prefix);
  // The API demands the field; without one in the request the answer may be as long as the model can make it.
  const maxTokens = Math.min(request.maxTokens ?? model.maxOutputTokens, model.maxOutputTokens);
  const thinking = thinkingFields(request, model, maxTokens, prefix !== undefined);
  const body = withoutUndefined({
    model: call.model,
    max_tokens: maxTokens,
    stream: true,
    system: system.length === 0 ? undefined : system,
    messages,
    ...sampling(request, model),
    stop_sequences: request.stop.length === 0 ? undefined : request.stop,
    thinking: thinking.thinking,
    output_config: outputConfig(request, thinking),
    tools: request.tools.length === 0 ? undefined : tools(request, model),
    tool_choice: toolChoice(request),
    metadata: metadata(request),
  });
  return ok(markedAs(request, calls.kept(), body));
}

/** 1 is the default of both fields and is not sent: some models refuse it beside the other field. */
function sampling(
  { temperature, topP }: ChatRequest,
  model: ClaudeModel,
): Record<string, JsonValue | undefined> {
  if (model.sampling === 'none') return {};
  return {
    temperature: hasEffect(temperature) ? temperature : undefined,
    top_p: hasEffect(topP) ? topP : undefined,
  };
}

function outputConfig({ responseFormat }: ChatRequest, { effort }: ThinkingFields): JsonObject | undefined {
  const format =
    responseFormat.type === 'json_schema'
      ? { type: 'json_schema', schema: closeObjects(responseFormat.schema ?? {}) }
      : undefined;
  if (format === undefined && effort === undefined) return undefined;
  return withoutUndefined({ format, effort });
}

function tools({ tools: definitions }: ChatRequest, model: ClaudeModel): JsonValue {
  return definitions.map((definition) => {
    const { name, description, parameters = {}, strict = false } = definition;
    return withoutUndefined({
      name,
      description,
      input_schema: objectSchema(strict && model.structuredOutput ? closeObjects(parameters) : parameters),
      strict: strict && model.structuredOutput ? true : undefined,
      cache_control: cacheControlOf(definition),
    });
  });
}

/** The schema of a tool's arguments. These are always an object, and the API demands that the schema has this type. */
function objectSchema(schema: JsonValue): JsonValue {
  if (!isObject(schema)) return { type: 'object' };
  const typed: JsonObject = { type: 'object', ...schema };
  return keepSpellings(schema, typed);
}

function toolChoice(request: ChatRequest) {
  if (request.tools.length === 0) return undefined;
  const parallel = request.parallelToolCalls !== false;
  const alone = parallel ? {} : { disable_parallel_tool_use: true };
  const choice = toolChoiceOf(request);
  switch (choice.type) {
    case 'none':
      return { type: 'none' };
    case 'required':
      return { type: 'any', ...alone };
    case 'function':
      return { type: 'tool', name: choice.name, ...alone };
    case 'auto':
      return parallel ? undefined : { type: 'auto', ...alone };
  }
}

const maxUserId = 256;

function metadata({ rest }: ChatRequest): JsonObject | undefined {
  const id = [rest['safety_identifier'], rest['user']].find((value) => typeof value === 'string');
  return typeof id === 'string' && id !== '' && id.length <= maxUserId ? { user_id: id } : undefined;
}
