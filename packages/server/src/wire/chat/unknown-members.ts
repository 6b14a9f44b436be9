import type { ChatRequest, Content, Message } from '../../domain/chat-request.ts';
import { isObject, type JsonObject, type JsonValue } from '../../domain/json.ts';

/**
 * The path of the first member inside a known field that this server does not interpret, such as
 * `tools[0].function.returns`; undefined where there is none. A target that does not take members as they came would ignore
 * it. Not among them:
 * - an empty value, which asks for nothing;
 * - `cache_control`, which only advises: a target with a cache of its own kind takes it, to others it means nothing;
 * - all members of an assistant's message: it is accepted as an SDK returned it, with everything that a provider put there.
 */
export function firstUnknownMember(request: ChatRequest): string | undefined {
  for (const [index, message] of request.messages.entries()) {
    const found = inMessage(message, `messages[${index}]`);
    if (found !== undefined) return found;
  }
  const { responseFormat: format, toolChoice: choice } = request;
  const atTop =
    nameIn(request.streamOptions, 'stream_options') ??
    nameIn(format.rest, 'response_format') ??
    (format.type === 'json_schema' ? nameIn(format.nestedRest, 'response_format.json_schema') : undefined);
  if (atTop !== undefined) return atTop;
  for (const [index, tool] of request.tools.entries()) {
    const path = `tools[${index}]`;
    const found = nameIn(tool.rest, path) ?? nameIn(tool.nestedRest, `${path}.function`);
    if (found !== undefined) return found;
  }
  if (choice?.type !== 'function') return undefined;
  return (
    nameIn(choice.rest, 'tool_choice') ??
    nameIn(choice.nestedRest, 'tool_choice.function', membersOfDefinition)
  );
}

/** A choice may repeat the whole definition of its tool. */
const membersOfDefinition: ReadonlySet<string> = new Set(['description', 'parameters', 'strict']);
const none: ReadonlySet<string> = new Set();

function inMessage(message: Message, path: string): string | undefined {
  if (message.role === 'assistant') return undefined;
  return nameIn(message.rest, path) ?? inContent(message.content, `${path}.content`);
}

/** The member in which each kind of part has its object. */
const memberOfPart = { image: 'image_url', audio: 'input_audio' } as const;

function inContent(content: Content, path: string): string | undefined {
  if (typeof content === 'string') return undefined;
  for (const [index, part] of content.entries()) {
    const place = `${path}[${index}]`;
    const inside =
      part.type === 'image' || part.type === 'audio'
        ? nameIn(part.nestedRest, `${place}.${memberOfPart[part.type]}`)
        : undefined;
    const found = nameIn(part.rest, place) ?? inside;
    if (found !== undefined) return found;
  }
  return undefined;
}

function nameIn(
  rest: JsonObject | undefined,
  path: string,
  known: ReadonlySet<string> = none,
): string | undefined {
  if (rest === undefined) return undefined;
  const name = Object.keys(rest).find(
    (key) => key !== 'cache_control' && !known.has(key) && !isEmpty(rest[key]),
  );
  return name === undefined ? undefined : `${path}.${name}`;
}

function isEmpty(value: JsonValue | undefined): boolean {
  if (value === undefined || value === null || value === '') return true;
  if (Array.isArray(value)) return value.length === 0;
  return isObject(value) && Object.keys(value).length === 0;
}
