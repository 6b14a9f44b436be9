import { type ChatRequest, toolChoiceOf } from '../../domain/chat-request.ts';
import { fail, ok, type Result } from '../../domain/failure.ts';
import type { JsonObject, JsonValue } from '../../domain/json.ts';
import type { UpstreamCall } from '../contract.ts';
import { createArgumentsReader, markedAs, withoutUndefined } from '../http/request/request-json.ts';
import { contentsOf } from './contents.ts';
import type { GeminiModel } from './models.ts';
import { refusalOf } from './refusals.ts';
import { thinkingConfig } from './thinking.ts';

/** Seeds are signed integers of 32 bits there. */
const seedModulus = 2 ** 31;

/**
 * The body of `POST …/models/<model>:streamGenerateContent` (ai.google.dev/api/generate-content).
 *
 * What has no place there and only advises is left out: `user`, `safety_identifier`, `service_tier`,
 * `verbosity`, `store`, `metadata`, `prompt_cache_key`, and the `name` of a message. `parallel_tool_calls:
 * false` has none either: `stream.ts` keeps to one call. Failures are the caller's, with the path of the field.
 */
export function requestBody({ request }: UpstreamCall, model: GeminiModel): Result<JsonObject> {
  const problem = refusalOf(request, model);
  if (problem !== undefined) return fail(problem);
  const calls = createArgumentsReader();
  const { instruction, contents } = contentsOf(request.messages, model, calls.read);
  const body = withoutUndefined({
    systemInstruction: instruction.length === 0 ? undefined : { parts: instruction },
    contents,
    tools: tools(request),
    toolConfig: toolConfig(request),
    generationConfig: generationConfig(request, model),
  });
  return ok(markedAs(request, calls.kept(), body));
}

function tools({ tools: definitions }: ChatRequest): JsonValue | undefined {
  if (definitions.length === 0) return undefined;
  const functionDeclarations = definitions.map(({ name, description, parameters = {} }) =>
    withoutUndefined({
      name,
      description,
      // A function without parameters has no schema: an empty one is refused.
      parametersJsonSchema: takesNothing(parameters) ? undefined : parameters,
    }),
  );
  return [{ functionDeclarations }];
}

function takesNothing(schema: JsonValue): boolean {
  return typeof schema === 'object' && schema !== null && Object.keys(schema).length === 0;
}

function toolConfig(request: ChatRequest): JsonObject | undefined {
  if (request.tools.length === 0) return undefined;
  const toolChoice = toolChoiceOf(request);
  switch (toolChoice.type) {
    case 'auto':
      return undefined;
    case 'none':
      return { functionCallingConfig: { mode: 'NONE' } };
    case 'required':
      return { functionCallingConfig: { mode: 'ANY' } };
    case 'function':
      return { functionCallingConfig: { mode: 'ANY', allowedFunctionNames: [toolChoice.name] } };
  }
}

function generationConfig(request: ChatRequest, model: GeminiModel): JsonObject | undefined {
  const { responseFormat, n, stop, seed } = request;
  const config = withoutUndefined({
    temperature: request.temperature,
    topP: request.topP,
    maxOutputTokens: request.maxTokens,
    // At most five there, at most four here.
    stopSequences: stop.length === 0 ? undefined : stop,
    seed: seed === undefined ? undefined : seed % seedModulus,
    presencePenalty: asked(request.presencePenalty),
    frequencyPenalty: asked(request.frequencyPenalty),
    candidateCount: n === 1 ? undefined : n,
    responseMimeType: responseFormat.type === 'text' ? undefined : 'application/json',
    responseJsonSchema: responseFormat.type === 'json_schema' ? (responseFormat.schema ?? {}) : undefined,
    thinkingConfig: thinkingConfig(request.reasoningEffort, model),
  });
  return Object.keys(config).length === 0 ? undefined : config;
}

/** A penalty of 0 asks for nothing, and models without penalties refuse even that. */
function asked(penalty: number | undefined): number | undefined {
  return penalty === 0 ? undefined : penalty;
}
