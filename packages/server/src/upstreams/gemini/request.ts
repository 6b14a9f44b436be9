import {
  type ChatRequest,
  objectSchemaOf,
  type ResponseFormat,
  toolChoiceOf,
} from '../../domain/chat-request.ts';
import { fail, ok, type Result } from '../../domain/failure.ts';
import type { JsonObject, JsonValue } from '../../domain/json.ts';
import type { UpstreamCall } from '../contract.ts';
import { createArgumentsReader, markedAs, withoutUndefined } from '../http/request/request-json.ts';
import { contentsOf } from './contents.ts';
import type { GeminiModel } from './models.ts';
import { refusalOf } from './refusals.ts';
import { thinkingConfig } from './thinking.ts';

/** A seed of the API is a signed integer of 32 bits. */
const seedModulus = 2 ** 31;

/**
 * The body of `POST …/models/<model>:streamGenerateContent` (ai.google.dev/api/generate-content), or the failure of
 * {@link refusalOf}.
 *
 * Advisory fields that the API does not have are left out: `user`, `safety_identifier`, `service_tier`, `verbosity`, `store`,
 * `metadata`, `prompt_cache_key`, and the `name` of a message. For `parallel_tool_calls: false`, which the API does not have
 * either, `stream.ts` drops all calls but the first.
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
      // The API refuses an empty schema.
      parametersJsonSchema: isEmpty(parameters) ? undefined : parameters,
    }),
  );
  return [{ functionDeclarations }];
}

function isEmpty(schema: JsonValue): boolean {
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
    stopSequences: stop.length === 0 ? undefined : stop,
    seed: seed === undefined ? undefined : seed % seedModulus,
    presencePenalty: withoutDefault(request.presencePenalty),
    frequencyPenalty: withoutDefault(request.frequencyPenalty),
    candidateCount: n === 1 ? undefined : n,
    responseMimeType: responseFormat.type === 'text' ? undefined : 'application/json',
    responseJsonSchema: schemaOf(responseFormat),
    thinkingConfig: thinkingConfig(request.reasoningEffort, model),
  });
  return Object.keys(config).length === 0 ? undefined : config;
}

function schemaOf(format: ResponseFormat): JsonValue | undefined {
  switch (format.type) {
    case 'text':
      return undefined;
    case 'json_object':
      return objectSchemaOf(format);
    case 'json_schema':
      return format.schema ?? {};
  }
}

/** 0 is the default penalty and is not sent: models without penalties refuse even that. */
function withoutDefault(penalty: number | undefined): number | undefined {
  return penalty === 0 ? undefined : penalty;
}
