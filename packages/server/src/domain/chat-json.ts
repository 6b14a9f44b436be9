/**
 * Writes a request as a body of OpenAI's chat completions. OpenAI-compatible upstreams get this body, the paths of failures
 * (`messages[2].content`) are paths in it, and the operator's log shows it. Members that `ChatRequest` names come first, in
 * OpenAI's order; the members of a `rest` follow in the client's order, each as it was written (`exact-json.ts`).
 */
import { assertNever } from './assert-never.ts';
import type {
  ChatRequest,
  Content,
  ContentPart,
  Message,
  ResponseFormat,
  ToolCall,
  ToolChoice,
  ToolDefinition,
} from './chat-request.ts';
import type { JsonObject, JsonValue } from './json.ts';
import { keepSpellings } from './spellings.ts';

/** The request as the JSON body that a client would send. */
export function chatJson(request: ChatRequest): JsonObject {
  const { model, stream, streamOptions, rest } = request;
  const head = members({
    model,
    messages: messagesJson(request.messages),
    stream: stream ? true : undefined,
    stream_options: streamOptions,
  });
  return withRest({ ...head, ...settingsJson(request) }, rest);
}

/**
 * The members that say how to answer: all named ones except the model, the messages and the stream.
 * `maxTokensParam`: the name for the limit of tokens; by default the client's.
 */
export function settingsJson(request: ChatRequest, maxTokensParam = request.maxTokensParam): JsonObject {
  const { maxTokens, tools, toolChoice, stop, logprobs, n } = request;
  const isNewer = maxTokensParam === 'max_completion_tokens';
  return members({
    temperature: request.temperature,
    top_p: request.topP,
    max_tokens: isNewer ? undefined : maxTokens,
    max_completion_tokens: isNewer ? maxTokens : undefined,
    stop: stop.length === 0 ? undefined : stop,
    seed: request.seed,
    n: n === 1 ? undefined : n,
    presence_penalty: request.presencePenalty,
    frequency_penalty: request.frequencyPenalty,
    logit_bias: request.logitBias,
    logprobs: logprobs ? true : undefined,
    top_logprobs: logprobs ? request.topLogprobs : undefined,
    response_format: formatJson(request.responseFormat),
    tools: tools.length === 0 ? undefined : tools.map(toolJson),
    tool_choice: tools.length === 0 || toolChoice === undefined ? undefined : choiceJson(toolChoice),
    parallel_tool_calls: tools.length === 0 ? undefined : request.parallelToolCalls,
    reasoning_effort: request.reasoningEffort,
  });
}

/** The `messages` of {@link chatJson}. */
export function messagesJson(messages: readonly Message[]): JsonObject[] {
  return messages.map(messageJson);
}

/** One of the `messages` of {@link chatJson}. */
export function messageJson(message: Message): JsonObject {
  const { role, name, rest } = message;
  const content = contentJson(message.content);
  switch (message.role) {
    case 'system':
    case 'developer':
    case 'user':
      return withRest(members({ role, content, name }), rest);
    case 'tool':
      return withRest(members({ role, tool_call_id: message.toolCallId, content, name }), rest);
    case 'assistant': {
      const { refusal, reasoning, toolCalls, extra } = message;
      const calls = toolCalls.length === 0 ? undefined : toolCalls.map(callJson);
      return withRest(
        members({
          role,
          content,
          refusal,
          name,
          reasoning_content: reasoning,
          tool_calls: calls,
          extra_content: extra,
        }),
        rest,
      );
    }
    default:
      return assertNever(message);
  }
}

function contentJson(content: Content | null | undefined): JsonValue | undefined {
  return typeof content === 'object' && content !== null ? content.map(partJson) : content;
}

function partJson(part: ContentPart): JsonObject {
  const { rest } = part;
  switch (part.type) {
    case 'text':
      return withRest({ type: 'text', text: part.text }, rest);
    case 'refusal':
      return withRest({ type: 'refusal', refusal: part.refusal }, rest);
    case 'image': {
      const image = withRest(members({ url: part.url, detail: part.detail }), part.nestedRest);
      return withRest({ type: 'image_url', image_url: image }, rest);
    }
    case 'audio': {
      const audio = withRest({ data: part.data, format: part.format }, part.nestedRest);
      return withRest({ type: 'input_audio', input_audio: audio }, rest);
    }
    case 'file':
      return withRest({ type: 'file', file: part.file }, rest);
    default:
      return assertNever(part);
  }
}

function callJson({ id, name, arguments: written, extra, rest, nestedRest }: ToolCall): JsonObject {
  const called = withRest({ name, arguments: written }, nestedRest);
  return withRest(members({ id, type: 'function', function: called, extra_content: extra }), rest);
}

function toolJson({ name, description, parameters, strict, rest, nestedRest }: ToolDefinition): JsonObject {
  const defined = withRest(members({ name, description, parameters, strict }), nestedRest);
  return withRest({ type: 'function', function: defined }, rest);
}

function choiceJson(choice: ToolChoice): JsonValue {
  if (choice.type !== 'function') return choice.type;
  const { name, rest, nestedRest } = choice;
  return withRest({ type: 'function', function: withRest({ name }, nestedRest) }, rest);
}

function formatJson(format: ResponseFormat): JsonObject | undefined {
  switch (format.type) {
    case 'text':
      // A format of type text without further members is the default, so it is left out.
      return format.rest === undefined ? undefined : withRest({ type: 'text' }, format.rest);
    case 'json_object':
      return withRest(members({ type: 'json_object', schema: format.schema }), format.rest);
    case 'json_schema': {
      const { name, description, schema, strict, rest, nestedRest } = format;
      const inner = withRest(members({ name, description, schema, strict }), nestedRest);
      return withRest({ type: 'json_schema', json_schema: inner }, rest);
    }
    default:
      return assertNever(format);
  }
}

/** An object of those members that are not undefined. */
function members(all: Readonly<Record<string, JsonValue | undefined>>): JsonObject {
  const defined: Record<string, JsonValue> = {};
  for (const name of Object.keys(all)) {
    const value = all[name];
    if (value !== undefined) defined[name] = value;
  }
  return defined;
}

/** Adds the members of `rest`. Where a name is in both, the value and the place of `named` are used. */
export function withRest(named: JsonObject, rest: JsonObject | undefined): JsonObject {
  if (rest === undefined) return named;
  const both = Object.keys(named).some((name) => Object.hasOwn(rest, name));
  // Spread, because a member may be called `__proto__`. `named` comes twice: first for the order, last for the values.
  return keepSpellings(rest, both ? { ...named, ...rest, ...named } : { ...named, ...rest });
}
