import { messageJson, settingsJson, withRest } from '../../domain/chat-json.ts';
import type { AssistantMessage, ChatRequest, Message, ToolCall } from '../../domain/chat-request.ts';
import { isObject, type JsonObject, type JsonValue } from '../../domain/json.ts';
import type { Feature } from '../../domain/requirements.ts';
import { pickMembers } from '../../domain/spellings.ts';
import type { UpstreamCall } from '../contract.ts';
import { type Preset, prefillOf } from './preset.ts';

/**
 * The feature that a field needs. Routing asks this upstream only where the preset has every feature that the request needs. So
 * a field of a missing feature has no effect here (such as `n: 1`), and is left out.
 */
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
 * The body of a request as this preset accepts it: the client's request with its unknown fields, with the model's name there,
 * with streaming, and without the advisory fields that the preset refuses.
 */
export function requestBody(call: UpstreamCall, preset: Preset): JsonObject {
  const { request } = call;
  const streamOptions = streamOptionsOf(request.streamOptions, preset);
  const { seed, ...accepted } = acceptedOf(settingsJson(request, preset.maxTokensField), preset);
  const named: JsonObject = {
    model: call.model,
    messages: messagesOf(call, preset),
    stream: true,
    ...(streamOptions === undefined ? {} : { stream_options: streamOptions }),
    ...accepted,
    ...(seed === undefined ? {} : { [preset.seedField]: seed }),
    ...(call.prefix === undefined ? {} : prefillOf(preset).request),
    // The upstream may know the field by which the client has asked.
    ...(call.request.continued === undefined || preset.prefill !== undefined
      ? {}
      : { continue_final_message: true }),
  };
  return withRest(named, restOf(request, preset));
}

/** The members that this preset accepts. */
function acceptedOf(members: JsonObject, preset: Preset): JsonObject {
  const names = Object.keys(members);
  return names.every((name) => isAccepted(name, preset))
    ? members
    : pickMembers(
        members,
        names.filter((name) => isAccepted(name, preset)),
      );
}

function isAccepted(name: string, preset: Preset): boolean {
  if (preset.refusedAdvice.includes(name)) return false;
  const feature = fieldFeatures.get(name);
  return feature === undefined || preset.features.includes(feature);
}

function restOf({ rest }: ChatRequest, preset: Preset): JsonObject {
  const { functions, metadata } = rest;
  const accepted = acceptedOf(rest, preset);
  const leftOut = [
    ...(Array.isArray(functions) && functions.length === 0 ? ['functions'] : []),
    // OpenAI accepts metadata only together with `store`.
    ...(metadata !== undefined && rest['store'] !== true ? ['metadata'] : []),
  ];
  if (leftOut.length === 0) return accepted;
  return pickMembers(
    accepted,
    Object.keys(accepted).filter((name) => !leftOut.includes(name)),
  );
}

/**
 * The `stream_options` of a request: ours, and the unknown members of the client's. With `none` the field is sent only
 * where the client's has unknown members, because unknown members are never dropped.
 */
function streamOptionsOf(unknown: JsonObject | undefined, preset: Preset): JsonObject | undefined {
  if (preset.streamOptions === 'none') {
    return unknown !== undefined && Object.keys(unknown).length > 0 ? unknown : undefined;
  }
  const padding = preset.streamOptions === 'usage-without-padding' ? { include_obfuscation: false } : {};
  return withRest({ include_usage: true, ...padding }, unknown);
}

function messagesOf({ request, prefix }: UpstreamCall, preset: Preset): JsonValue[] {
  const messages = request.messages.map((message) => messageJson(asAccepted(message, preset)));
  if (prefix !== undefined) {
    messages.push({ role: 'assistant', content: prefix, ...prefillOf(preset).message });
  }
  return messages;
}

function asAccepted(message: Message, preset: Preset): Message {
  const named = preset.messageName === 'refused' ? withoutName(message) : message;
  if (named.role === 'assistant') return returnedMessage(named, preset);
  return named.role === 'developer' ? { ...named, role: preset.developerRole } : named;
}

function withoutName(message: Message): Message {
  const { name, ...nameless } = message;
  return name === undefined ? message : nameless;
}

/**
 * An assistant message of an earlier turn. SDKs send back all fields of the answer; those that the preset does not want back
 * are left out.
 */
function returnedMessage(message: AssistantMessage, preset: Preset): AssistantMessage {
  const { content, refusal, reasoning, extra, toolCalls, ...kept } = message;
  const rest = wantedRest(message, preset);
  // A message without calls must have content.
  const sent = toolCalls.length > 0 ? content : (content ?? refusal ?? '');
  const wants = (what: Preset['wantsBack'][number]) => preset.wantsBack.includes(what);
  return {
    ...kept,
    toolCalls: wants('extra_content') ? toolCalls : toolCalls.map(withoutExtra),
    ...(sent === undefined ? {} : { content: sent }),
    ...(refusal === undefined || preset.developerRole === 'system' ? {} : { refusal }),
    ...(reasoning === undefined || !wants('reasoning') ? {} : { reasoning }),
    ...(extra === undefined || !wants('extra_content') ? {} : { extra }),
    ...(rest === undefined ? {} : { rest }),
  };
}

/** The rest of a message, with the details of the reasoning where the preset wants them: OpenRouter has a field of its own. */
function wantedRest({ extra, rest }: AssistantMessage, preset: Preset): JsonObject | undefined {
  const openRouter = preset.wantsBack.includes('reasoning_details') ? extra?.['openrouter'] : undefined;
  const details = isObject(openRouter) ? openRouter['reasoning_details'] : undefined;
  return details === undefined ? rest : withRest({ reasoning_details: details }, rest);
}

function withoutExtra({ extra: _extra, ...call }: ToolCall): ToolCall {
  return call;
}
