import { type AssistantMessage, type ContentPart, type Message, partsOf } from '../../domain/chat-request.ts';
import type { JsonObject } from '../../domain/json.ts';
import { parseInlineImage } from '../http/request/data-url.ts';
import { textOfParts } from '../http/request/message-parts.ts';
import type { ArgumentsReader } from '../http/request/request-json.ts';
import { asObject } from '../http/unknown-json.ts';
import type { GeminiModel } from './models.ts';

/** The `systemInstruction` and `contents` of a request. */
export interface Contents {
  readonly instruction: readonly JsonObject[];
  readonly contents: readonly JsonObject[];
}

/** The part of a user's turn without content: the API refuses a turn without parts, and a request without turns. */
const emptyTurn: JsonObject = { text: '(empty)' };

interface Turn {
  readonly role: 'user' | 'model';
  readonly parts: JsonObject[];
}

/**
 * The signature for a call that has none, because it is from another provider or the client has lost it
 * (ai.google.dev/gemini-api/docs/thought-signatures). Without a signature newer models refuse the whole history.
 */
const foreignSignature = 'skip_thought_signature_validator';

/**
 * Messages as turns of `user` and `model`. Adjacent messages of one role are one turn; the API demands this for the results of
 * parallel calls. The API has one place for instructions, so all instructions are joined there, in order. The request was
 * checked before (`refusals.ts`).
 */
export function contentsOf(
  messages: readonly Message[],
  model: GeminiModel,
  readArguments: ArgumentsReader['read'],
): Contents {
  const instruction: JsonObject[] = [];
  const turns: Turn[] = [];
  const names = new Map<string, string>();
  const add = (role: Turn['role'], parts: readonly JsonObject[]) => {
    const last = turns.at(-1);
    if (last?.role === role) last.parts.push(...parts);
    // An empty message of a user is a turn too. Without it the turns beside it would become one.
    else if (parts.length > 0 || role === 'user') turns.push({ role, parts: [...parts] });
  };

  for (const message of messages) {
    switch (message.role) {
      case 'system':
      case 'developer':
        instruction.push(...textParts(textOfParts(partsOf(message))));
        break;
      case 'user':
        add('user', userParts(partsOf(message)));
        break;
      case 'assistant':
        for (const call of message.toolCalls) names.set(call.id, call.name);
        add('model', modelParts(message, model, readArguments));
        break;
      case 'tool': {
        const { toolCallId: id } = message;
        const name = names.get(id) ?? '';
        const output = textOfParts(partsOf(message));
        add('user', [{ functionResponse: { id, name, response: { output } } }]);
        break;
      }
    }
  }
  // The API demands a turn: instructions without any other message become one. Models that do not accept a system instruction
  // get the instructions at the beginning of the first user's turn.
  if (turns.length === 0 || !model.instructions) {
    const [first] = turns;
    if (first?.role === 'user') first.parts.unshift(...instruction);
    else if (instruction.length > 0 || turns.length === 0)
      turns.unshift({ role: 'user', parts: [...instruction] });
    return { instruction: [], contents: turns.map(wireTurn) };
  }
  return { instruction, contents: turns.map(wireTurn) };
}

function wireTurn({ role, parts }: Turn): JsonObject {
  return { role, parts: parts.length === 0 ? [emptyTurn] : parts };
}

function textParts(text: string): JsonObject[] {
  return text === '' ? [] : [{ text }];
}

/** The parts of an assistant's turn. Thoughts are not sent back: the model needs only their signatures. */
function modelParts(
  message: AssistantMessage,
  model: GeminiModel,
  readArguments: ArgumentsReader['read'],
): JsonObject[] {
  const text = textOfParts(partsOf(message));
  const signature = signatureOf(message);
  const parts: JsonObject[] = textParts(text);
  if (signature !== undefined) {
    const [last] = parts.splice(-1);
    parts.push({ ...(last ?? { text: '' }), thoughtSignature: signature });
  }
  for (const [index, call] of message.toolCalls.entries()) {
    const substitute = model.wantsSignatures && index === 0 ? foreignSignature : undefined;
    const thoughtSignature = signatureOf(call) ?? substitute;
    parts.push({
      functionCall: { id: call.id, name: call.name, args: readArguments(call.arguments) },
      ...(thoughtSignature === undefined ? {} : { thoughtSignature }),
    });
  }
  return parts;
}

/** `extra_content.google.thought_signature`, as in Google's OpenAI-compatible API. */
function signatureOf({ extra }: { readonly extra?: JsonObject }): string | undefined {
  const signature = asObject(extra?.['google'])?.['thought_signature'];
  return typeof signature === 'string' && signature !== '' ? signature : undefined;
}

function userParts(content: readonly ContentPart[]): JsonObject[] {
  return content.flatMap((part): readonly JsonObject[] => {
    switch (part.type) {
      case 'image': {
        const image = imagePart(part.url);
        return image === undefined ? [] : [image];
      }
      case 'audio':
        return [{ inlineData: { mimeType: `audio/${part.format.toLowerCase()}`, data: part.data } }];
      default:
        return textParts(textOfParts([part]));
    }
  });
}

// ai.google.dev/gemini-api/docs/image-understanding, "Supported image formats"
const imageTypes = new Set(['image/png', 'image/jpeg', 'image/webp', 'image/heic', 'image/heif']);

/** The part for an image; undefined where the API does not accept such an image. */
export function imagePart(url: string): JsonObject | undefined {
  if (/^https?:\/\//i.test(url)) return { fileData: { fileUri: url } };
  const inline = parseInlineImage(url, imageTypes);
  return inline && { inlineData: { mimeType: inline.mediaType, data: inline.base64 } };
}
