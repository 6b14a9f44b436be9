import type { ChatRequest } from '../../domain/chat-request.ts';
import { writeMarked } from '../../domain/exact-json.ts';
import type { JsonObject, JsonValue } from '../../domain/json.ts';
import { innerRequestFields, requestFields } from '../../domain/request-fields.ts';
import type { Feature } from '../../domain/requirements.ts';
import { keepSpellings } from '../../domain/spellings.ts';
import type { UpstreamCall } from '../contract.ts';
import { type Preset, prefillOf } from './preset.ts';

/** Which feature a field asks for: where the preset lacks it, what is left in the field asks for nothing. */
const fieldFeatures = new Map<string, Feature>(
  Object.entries({
    temperature: 'temperature',
    top_p: 'top_p',
    stop: 'stop',
    n: 'n',
    presence_penalty: 'presence_penalty',
    frequency_penalty: 'frequency_penalty',
    logit_bias: 'logit_bias',
    logprobs: 'logprobs',
    top_logprobs: 'logprobs',
    tools: 'tools',
    tool_choice: 'tools',
    parallel_tool_calls: 'tools',
    functions: 'functions',
    function_call: 'functions',
    modalities: 'audio_output',
    audio: 'audio_output',
    prediction: 'prediction',
    web_search_options: 'web_search',
  } as const),
);

/**
 * The body of a request as this preset takes it: what the client sent, unknown fields included, with
 * the model's name there, streaming switched on, and left out what asks for nothing or only advises where
 * the preset refuses it.
 */
export function requestBody(call: UpstreamCall, preset: Preset): JsonObject {
  const { request } = call;
  // From entries: a field may be called `__proto__`.
  const body: Record<string, JsonValue> = Object.fromEntries(
    Object.entries(request.body).filter(
      ([key, value]) => (value !== null || !requestFields.has(key)) && isTaken(key, value, request, preset),
    ),
  );
  body['model'] = call.model;
  body['messages'] = messagesOf(call, preset);
  body['stream'] = true;
  const streamOptions = streamOptionsOf(request.body['stream_options'], preset);
  if (streamOptions === undefined) delete body['stream_options'];
  else body['stream_options'] = streamOptions;
  delete body['max_tokens'];
  delete body['max_completion_tokens'];
  if (request.maxTokens !== undefined) body[preset.maxTokensField] = request.maxTokens;
  delete body['seed'];
  if (request.seed !== undefined) body[preset.seedField] = request.seed;
  if (call.prefix !== undefined) Object.assign(body, prefillOf(preset).request);
  return keepSpellings(request.body, body);
}

/**
 * The caller's own, unknown fields included, but for what is said of usage and padding. A server without the field gets
 * it where there is an unknown field in it, for these are never dropped in silence: they alone.
 */
function streamOptionsOf(given: JsonValue | undefined, preset: Preset): JsonObject | undefined {
  const { include_usage: _usage, include_obfuscation: _padding, ...unknown } = isObject(given) ? given : {};
  if (preset.streamOptions === 'none') {
    return isObject(given) && Object.keys(unknown).length > 0 ? keepSpellings(given, unknown) : undefined;
  }
  const padding = preset.streamOptions === 'usage-without-padding' ? { include_obfuscation: false } : {};
  const options: JsonObject = { include_usage: true, ...padding, ...unknown };
  return isObject(given) ? keepSpellings(given, options) : options;
}

/** {@link requestBody} as text: unknown fields are in it byte for byte. */
export function requestText(call: UpstreamCall, preset: Preset): string {
  return writeMarked(requestBody(call, preset));
}

function isTaken(key: string, value: JsonValue, request: ChatRequest, preset: Preset): boolean {
  if (preset.refusedAdvice.includes(key)) return false;
  const feature = fieldFeatures.get(key);
  if (feature !== undefined && !preset.features.includes(feature)) return false;
  switch (key) {
    // OpenAI itself refuses these where they ask for nothing.
    case 'tools':
    case 'tool_choice':
    case 'parallel_tool_calls':
      return request.tools.length > 0;
    case 'functions':
    case 'stop':
      return !Array.isArray(value) || value.length > 0;
    case 'top_logprobs':
      return request.logprobs;
    case 'metadata':
      // OpenAI takes metadata only of what it is to store.
      return request.body['store'] === true;
    case 'response_format':
      return request.responseFormat.type !== 'text';
    default:
      return true;
  }
}

function messagesOf({ request, prefix }: UpstreamCall, preset: Preset): JsonValue[] {
  const given = request.body['messages'];
  const messages = (Array.isArray(given) ? given : []).map((message) =>
    isObject(message) ? messageOf(message, preset) : message,
  );
  if (prefix !== undefined) {
    messages.push({ role: 'assistant', content: prefix, ...prefillOf(preset).message });
  }
  return messages;
}

function messageOf(message: JsonObject, preset: Preset): JsonObject {
  // From entries: a field may be called `__proto__`.
  const kept: Record<string, JsonValue> = Object.fromEntries(
    Object.entries(message).filter(([key, value]) => {
      // Null means absent where the name is ours; what it means elsewhere is not ours to say.
      if (value === null && key !== 'content' && innerRequestFields.has(key)) return false;
      return key !== 'name' || preset.messageName !== 'refused';
    }),
  );
  if (kept['role'] === 'developer') kept['role'] = preset.developerRole;
  if (kept['role'] === 'assistant') returnedMessage(kept, preset);
  return keepSpellings(message, kept);
}

/** An assistant message as an SDK keeps it: ours and the answer's own fields go, unless they are wanted back. */
function returnedMessage(message: Record<string, JsonValue>, preset: Preset): void {
  const extra = message['extra_content'];
  if (!preset.wantsBack.includes('reasoning')) delete message['reasoning_content'];
  if (!preset.wantsBack.includes('extra_content')) delete message['extra_content'];
  delete message['annotations'];
  if (preset.wantsBack.includes('reasoning_details') && isObject(extra) && isObject(extra['openrouter'])) {
    const details = extra['openrouter']['reasoning_details'];
    if (details !== undefined) message['reasoning_details'] = details;
  }
  const calls = message['tool_calls'];
  if (Array.isArray(calls) && calls.length > 0) {
    message['tool_calls'] = calls.map((call) => (isObject(call) ? returnedCall(call, preset) : call));
  } else {
    delete message['tool_calls'];
    // Without calls a message has text, or it has nothing.
    if (message['content'] === null || message['content'] === undefined) {
      message['content'] = message['refusal'] ?? '';
    }
  }
  if (preset.developerRole === 'system') delete message['refusal'];
}

function returnedCall(call: JsonObject, preset: Preset): JsonObject {
  const { extra_content: extra, index: _index, ...kept } = call;
  const wanted = preset.wantsBack.includes('extra_content') && extra !== undefined && extra !== null;
  const returned: JsonObject = { type: 'function', ...kept, ...(wanted ? { extra_content: extra } : {}) };
  return keepSpellings(call, returned);
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
