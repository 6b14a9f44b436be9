import { messageJson, settingsJson, withRest } from '../../domain/chat-json.ts';
import type { AssistantMessage, ChatRequest, Message, ToolCall } from '../../domain/chat-request.ts';
import { isObject, type JsonObject, type JsonValue } from '../../domain/json.ts';
import type { Feature } from '../../domain/requirements.ts';
import { pickMembers } from '../../domain/spellings.ts';
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
 * The body of a request as this preset takes it: what the client asked, unknown fields included, with the model's name
 * there, streaming switched on, and left out what only advises where the preset refuses it.
 */
export function requestBody(call: UpstreamCall, preset: Preset): JsonObject {
  const { request } = call;
  const streamOptions = streamOptionsOf(request.streamOptions, preset);
  const settings = { ...request, maxTokensParam: preset.maxTokensField };
  const { seed, ...taken } = takenOf(settingsJson(settings), preset);
  const named: JsonObject = {
    model: call.model,
    messages: messagesOf(call, preset),
    stream: true,
    ...(streamOptions === undefined ? {} : { stream_options: streamOptions }),
    ...taken,
    ...(seed === undefined ? {} : { [preset.seedField]: seed }),
    ...(call.prefix === undefined ? {} : prefillOf(preset).request),
  };
  return withRest(named, restOf(request, preset));
}

/** The members that this preset takes. */
function takenOf(members: JsonObject, preset: Preset): JsonObject {
  const names = Object.keys(members);
  return names.every((name) => isTaken(name, preset))
    ? members
    : pickMembers(
        members,
        names.filter((name) => isTaken(name, preset)),
      );
}

function isTaken(name: string, preset: Preset): boolean {
  if (preset.refusedAdvice.includes(name)) return false;
  const feature = fieldFeatures.get(name);
  return feature === undefined || preset.features.includes(feature);
}

function restOf({ rest }: ChatRequest, preset: Preset): JsonObject {
  const { functions, metadata } = rest;
  const taken = takenOf(rest, preset);
  const unasked = [
    ...(Array.isArray(functions) && functions.length === 0 ? ['functions'] : []),
    // OpenAI takes metadata only of what it is to store.
    ...(metadata !== undefined && rest['store'] !== true ? ['metadata'] : []),
  ];
  if (unasked.length === 0) return taken;
  return pickMembers(
    taken,
    Object.keys(taken).filter((name) => !unasked.includes(name)),
  );
}

/**
 * The caller's own, without what is said of usage and padding. A server without the field gets it where there is an
 * unknown field in it, for these are never dropped in silence: they alone.
 */
function streamOptionsOf(unknown: JsonObject | undefined, preset: Preset): JsonObject | undefined {
  if (preset.streamOptions === 'none') {
    return unknown !== undefined && Object.keys(unknown).length > 0 ? unknown : undefined;
  }
  const padding = preset.streamOptions === 'usage-without-padding' ? { include_obfuscation: false } : {};
  return withRest({ include_usage: true, ...padding }, unknown);
}

function messagesOf({ request, prefix }: UpstreamCall, preset: Preset): JsonValue[] {
  const messages = request.messages.map((message) => messageJson(asTaken(message, preset)));
  if (prefix !== undefined) {
    messages.push({ role: 'assistant', content: prefix, ...prefillOf(preset).message });
  }
  return messages;
}

function asTaken(message: Message, preset: Preset): Message {
  const named = preset.messageName === 'refused' ? withoutName(message) : message;
  if (named.role === 'assistant') return returnedMessage(named, preset);
  return named.role === 'developer' ? { ...named, role: preset.developerRole } : named;
}

function withoutName(message: Message): Message {
  const { name, ...nameless } = message;
  return name === undefined ? message : nameless;
}

/** An assistant message as an SDK keeps it: ours and the answer's own fields go, unless they are wanted back. */
function returnedMessage(message: AssistantMessage, preset: Preset): AssistantMessage {
  const { content, refusal, reasoning, extra, toolCalls, ...kept } = message;
  const rest = wantedRest(message, preset);
  // Without calls a message has text, or it has nothing.
  const said = toolCalls.length > 0 ? content : (content ?? refusal ?? '');
  const wants = (what: Preset['wantsBack'][number]) => preset.wantsBack.includes(what);
  return {
    ...kept,
    toolCalls: wants('extra_content') ? toolCalls : toolCalls.map(withoutExtra),
    ...(said === undefined ? {} : { content: said }),
    ...(refusal === undefined || preset.developerRole === 'system' ? {} : { refusal }),
    ...(reasoning === undefined || !wants('reasoning') ? {} : { reasoning }),
    ...(extra === undefined || !wants('extra_content') ? {} : { extra }),
    ...(rest === undefined ? {} : { rest }),
  };
}

/** OpenRouter has no place for what it wants back but one of its own. */
function wantedRest({ extra, rest }: AssistantMessage, preset: Preset): JsonObject | undefined {
  const openRouter = preset.wantsBack.includes('reasoning_details') ? extra?.['openrouter'] : undefined;
  const details = isObject(openRouter) ? openRouter['reasoning_details'] : undefined;
  return details === undefined ? rest : withRest({ reasoning_details: details }, rest);
}

function withoutExtra({ extra: _extra, ...call }: ToolCall): ToolCall {
  return call;
}
