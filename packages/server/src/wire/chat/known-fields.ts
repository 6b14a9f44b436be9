import type { KnownMembers } from '../../domain/read-spellings.ts';
import { requestFields } from '../../domain/request-fields.ts';

/** The members inside a known one. */
export function membersIn(known: KnownMembers, name: string): KnownMembers {
  return known.get(name) ?? none;
}

const none: KnownMembers = new Map();

/** Names whose values are not ours to read, or hold nothing but what has a name. */
function names(...all: readonly string[]): KnownMembers {
  return new Map(all.map((name) => [name, undefined]));
}

export const ofPart: KnownMembers = new Map([
  ...names('type', 'text', 'refusal', 'file'),
  ['image_url', names('url', 'detail')],
  ['input_audio', names('data', 'format')],
]);

export const ofCall: KnownMembers = new Map([
  ...names('index', 'id', 'type', 'extra_content'),
  ['function', names('name', 'arguments')],
]);

export const ofMessage: KnownMembers = new Map([
  ...names('role', 'name', 'refusal', 'tool_call_id', 'reasoning_content', 'extra_content'),
  ...names('annotations', 'audio', 'function_call'),
  ['content', ofPart],
  ['tool_calls', ofCall],
]);

export const ofTool: KnownMembers = new Map([
  ...names('type'),
  ['function', names('name', 'description', 'parameters', 'strict')],
]);

export const ofFormat: KnownMembers = new Map([
  ...names('type'),
  ['json_schema', names('name', 'description', 'schema', 'strict')],
]);

export const ofStreamOptions: KnownMembers = names('include_usage', 'include_obfuscation');

/**
 * Every member of OpenAI's chat-completions request that has a name here, at every depth. An unknown member is passed on
 * byte for byte. In values that are named here but not interpreted, such as a schema, numbers keep their spelling.
 */
export const knownMembers: KnownMembers = new Map([
  ...names(...requestFields),
  ['messages', ofMessage],
  ['tools', ofTool],
  ['tool_choice', ofTool],
  ['stream_options', ofStreamOptions],
  ['response_format', ofFormat],
]);
