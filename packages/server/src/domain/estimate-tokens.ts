import type { JsonText } from '@tailrace/protocol';
import { assertNever } from './assert-never.ts';
import { type ChatRequest, type ContentPart, type Message, partsOf } from './chat-request.ts';
import { isObject, type JsonValue } from './json.ts';

/*
 * Prompts are measured in twelfths of a token. English text and JSON have about four characters a token in today's
 * vocabularies. A character beyond ASCII is heavier: each byte of UTF-8 that it has beyond its UTF-16 units counts a third of a
 * token more, so that a Cyrillic letter is 0.6, a Chinese character 0.9 and an emoji 1.2 tokens.
 */
const unitsPerToken = 12;
const unitsPerCharacter = 3;
const unitsPerExtraByte = 4;
/** The role and the separators of a message, in common chat templates. */
const messageUnits = 4 * unitsPerToken;
/** What a template adds behind the messages, so that the model answers. */
const answerUnits = 3 * unitsPerToken;
/** A call or a tool, beside its texts. */
const toolUnits = 8 * unitsPerToken;
/** What OpenAI counts for an image without detail, and for one of 1,024 × 1,024 pixels. */
const imageUnits = { low: 85 * unitsPerToken, other: 765 * unitsPerToken };
/** Base64 of one token: of compressed speech (ten tokens a second), and of a document. */
const audioCharacters = 2_000;
const fileCharacters = 50;

/**
 * A rough estimate of a request's prompt tokens, made once for each request: for its reservation, and for a usage where no
 * target reports one. An exact count would need a tokenizer, and a long text would block the event loop; this takes some
 * milliseconds for the longest body, because UTF-8 is measured natively and the values of a body are bounded
 * (`measure-json.ts`). At least 1 for a request with a message, and never less for a longer request.
 */
export function estimatePromptTokens(request: PromptOfRequest): number {
  const { messages, continued = '', tools, responseFormat, rest } = request;
  let units = (messages.length > 0 ? answerUnits : 0) + unitsOfText(continued);
  for (const message of messages) units += messageUnits + unitsOfMessage(message);
  for (const { name, description = '', parameters = null } of tools) {
    units += toolUnits + unitsOfText(name) + unitsOfText(description) + unitsOfJson(parameters);
  }
  if (responseFormat.type !== 'text') units += unitsOfJson(responseFormat.schema ?? null);
  // The older form of tools.
  const { functions } = rest;
  if (functions !== undefined) units += unitsOfJson(functions);
  return Math.ceil(units / unitsPerToken);
}

type PromptOfRequest = Pick<ChatRequest, 'messages' | 'continued' | 'tools' | 'responseFormat' | 'rest'>;

function unitsOfMessage(message: Message): number {
  let units = 0;
  for (const part of partsOf(message)) units += unitsOfPart(part);
  if (message.name !== undefined) units += unitsPerToken + unitsOfText(message.name);
  if (message.role !== 'assistant') return units;
  if (message.reasoning !== undefined) units += unitsOfText(message.reasoning);
  for (const call of message.toolCalls) {
    units += toolUnits + unitsOfText(call.name) + unitsOfText(call.arguments);
  }
  return units;
}

function unitsOfPart(part: ContentPart): number {
  switch (part.type) {
    case 'text':
      return unitsOfText(part.text);
    case 'refusal':
      return unitsOfText(part.refusal);
    case 'image':
      return part.detail === 'low' ? imageUnits.low : imageUnits.other;
    case 'audio':
      return Math.ceil((part.data.length * unitsPerToken) / audioCharacters);
    case 'file': {
      const data = part.file['file_data'];
      const length = typeof data === 'string' ? data.length : 0;
      return unitsPerToken + Math.ceil((length * unitsPerToken) / fileCharacters);
    }
    default:
      return assertNever(part);
  }
}

function unitsOfText(text: string): number {
  const { length } = text;
  const extraBytes = length > longText ? Buffer.byteLength(text) - length : extraBytesOf(text);
  return length * unitsPerCharacter + extraBytes * unitsPerExtraByte;
}

/** Above so many UTF-16 units the native measure is the quicker one. */
const longText = 32;

/** The same for a short text; half a surrogate pair counts as in a pair. */
function extraBytesOf(text: string): number {
  let extra = 0;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit >= 0x80) extra += unit < 0x800 || (unit >= 0xd800 && unit < 0xe000) ? 1 : 2;
  }
  return extra;
}

/** As the JSON text would be; it is not written. */
function unitsOfJson(value: JsonValue): number {
  if (typeof value === 'string') return unitsOfText(value) + 2 * unitsPerCharacter;
  if (typeof value !== 'object' || value === null) return unitsPerToken;
  let units = 2 * unitsPerCharacter;
  if (!isObject(value)) {
    for (const item of value) units += unitsPerCharacter + unitsOfJson(item);
    return units;
  }
  // Not a list of entries for each object: that doubles the time of a body of many small ones.
  for (const name in value) {
    units += 4 * unitsPerCharacter + unitsOfText(name) + unitsOfJson(value[name] ?? null);
  }
  return units;
}

/** The longest token, in escaped UTF-16 units. A longer delta has several tokens. */
const longestToken = 64;
/** Escaped UTF-16 units for one token: about one word with its space, or one escaped character beyond ASCII. */
const escapedPerToken = 6;

/**
 * The tokens of a delta, estimated where the target has not counted them. Most targets send one token a delta, so a short
 * delta counts as one; the tokens of a longer one are estimated from its length.
 */
export function tokensOf(delta: { readonly json: JsonText; readonly tokens?: number }): number {
  const { json, tokens } = delta;
  return tokens ?? (json.length <= longestToken ? 1 : Math.ceil(json.length / escapedPerToken));
}
