import { type ChatRequest, toolChoiceOf } from '../../domain/chat-request.ts';
import { fail, ok, type Result } from '../../domain/failure.ts';
import { isObject, type JsonObject, type JsonValue } from '../../domain/json.ts';
import { keepSpellings } from '../../domain/spellings.ts';
import type { UpstreamCall } from '../contract.ts';
import { createArgumentsReader, markedAs, withoutUndefined } from '../http/request/request-json.ts';
import { conversation } from './conversation.ts';
import type { ClaudeModel } from './models.ts';
import { closeObjects } from './output-schema.ts';
import { binds, refusalOf } from './refusals.ts';
import { type ThinkingFields, thinkingFields } from './thinking.ts';

/**
 * The body of `POST /v1/messages` (platform.claude.com/docs/en/api/messages).
 *
 * What has no place there and only advises is left out: `service_tier`, `verbosity`, `store`, `metadata`,
 * `prompt_cache_key`, and the `name` of a message. Failures are the caller's: a value that the model does
 * not take, named by its path.
 */
export function requestBody(call: UpstreamCall, model: ClaudeModel): Result<JsonObject> {
  const { request, prefix } = call;
  const problem = refusalOf(request, model);
  if (problem !== undefined) return fail(problem);
  const calls = createArgumentsReader();
  const talk = conversation(request.messages, model, calls.read, prefix);
  // The API demands it; without one, an answer may be as long as the model can make it.
  const maxTokens = Math.min(request.maxTokens ?? model.maxOutputTokens, model.maxOutputTokens);
  const thoughts = thinkingFields(request, model, maxTokens, prefix !== undefined);
  const body = withoutUndefined({
    model: call.model,
    max_tokens: maxTokens,
    stream: true,
    system: talk.system.length === 0 ? undefined : talk.system,
    messages: talk.messages,
    ...sampling(request, model),
    stop_sequences: request.stop.length === 0 ? undefined : request.stop,
    thinking: thoughts.thinking,
    output_config: outputConfig(request, thoughts),
    tools: request.tools.length === 0 ? undefined : tools(request, model),
    tool_choice: toolChoice(request),
    metadata: metadata(request),
  });
  return ok(markedAs(request, calls.kept(), body));
}

/** A 1 is the default, and asks for nothing: sent beside the other one, it would be refused. */
function sampling(
  { temperature, topP }: ChatRequest,
  model: ClaudeModel,
): Record<string, JsonValue | undefined> {
  if (model.sampling === 'none') return {};
  return { temperature: binds(temperature) ? temperature : undefined, top_p: binds(topP) ? topP : undefined };
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
  return definitions.map(({ name, description, parameters = {}, strict = false }) =>
    withoutUndefined({
      name,
      description,
      input_schema: objectSchema(strict && model.structuredOutput ? closeObjects(parameters) : parameters),
      strict: strict && model.structuredOutput ? true : undefined,
    }),
  );
}

/** Tools take objects; a schema that leaves that open is told so. */
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
