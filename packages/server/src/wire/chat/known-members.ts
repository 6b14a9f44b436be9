import type { KnownMembers } from '../../domain/read-spellings.ts';
import { requestFields } from '../../domain/request-fields.ts';

/** The known members inside a known member. */
export function membersIn(known: KnownMembers, name: string): KnownMembers {
  return known.get(name) ?? none;
}

const none: KnownMembers = new Map();

/** Members inside which no member is looked up. */
function names(...all: readonly string[]): KnownMembers {
  return new Map(all.map((name) => [name, undefined]));
}

export const membersOfPart: KnownMembers = new Map([
  ...names('type', 'text', 'refusal', 'file'),
  ['image_url', names('url', 'detail')],
  ['input_audio', names('data', 'format')],
]);

export const membersOfCall: KnownMembers = new Map([
  ...names('index', 'id', 'type', 'extra_content'),
  ['function', names('name', 'arguments')],
]);

export const membersOfMessage: KnownMembers = new Map([
  ...names('role', 'name', 'refusal', 'tool_call_id', 'reasoning_content', 'extra_content'),
  ...names('annotations', 'audio', 'function_call'),
  ['content', membersOfPart],
  ['tool_calls', membersOfCall],
]);

export const membersOfTool: KnownMembers = new Map([
  ...names('type'),
  ['function', names('name', 'description', 'parameters', 'strict')],
]);

export const membersOfFormat: KnownMembers = new Map([
  ...names('type', 'schema'),
  ['json_schema', names('name', 'description', 'schema', 'strict')],
]);

export const membersOfStreamOptions: KnownMembers = names('include_usage', 'include_obfuscation');

/**
 * Every member of OpenAI's chat-completions request that this surface knows, at every depth. An unknown member is passed on
 * byte for byte. In known members whose values are not interpreted, such as a schema, numbers keep their spelling.
 */
export const knownMembers: KnownMembers = new Map([
  ...names(...requestFields),
  ['messages', membersOfMessage],
  ['tools', membersOfTool],
  ['tool_choice', membersOfTool],
  ['stream_options', membersOfStreamOptions],
  ['response_format', membersOfFormat],
]);
