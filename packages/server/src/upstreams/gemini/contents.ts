import { type AssistantMessage, type ContentPart, type Message, partsOf } from '../../domain/chat-request.ts';
import type { JsonObject } from '../../domain/json.ts';
import { parseDataUrl } from '../http/request/data-url.ts';
import type { ArgumentsReader } from '../http/request/request-json.ts';
import { asRecord } from '../http/unknown-json.ts';
import type { GeminiModel } from './models.ts';

/** The `systemInstruction` and `contents` of a request. */
export interface Contents {
  readonly instruction: readonly JsonObject[];
  readonly contents: readonly JsonObject[];
}

interface Turn {
  readonly role: 'user' | 'model';
  readonly parts: JsonObject[];
}

/**
 * Stands for the signature of a call that this provider never signed: a turn of another provider, or of a
 * client that lost it (ai.google.dev/gemini-api/docs/thought-signatures). Without one, newer models refuse
 * the whole history.
 */
const foreignSignature = 'skip_thought_signature_validator';

/**
 * Messages as turns of `user` and `model`; neighbours of one role are one turn, as the results of parallel
 * calls have to be. Instructions have one place only, so later ones move up into it, in order. What the API would
 * refuse has been refused before (`refusals.ts`).
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
    if (parts.length === 0) return;
    const last = turns.at(-1);
    if (last?.role === role) last.parts.push(...parts);
    else turns.push({ role, parts: [...parts] });
  };

  for (const message of messages) {
    switch (message.role) {
      case 'system':
      case 'developer':
        instruction.push(...textParts(textOf(partsOf(message))));
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
        add('user', [{ functionResponse: { id, name, response: { output: textOf(partsOf(message)) } } }]);
        break;
      }
    }
  }
  // Instructions alone are a request too, and the API wants a turn.
  if (turns.length === 0 || !model.instructions) {
    const [first] = turns;
    if (first?.role === 'user') first.parts.unshift(...instruction);
    else if (instruction.length > 0) turns.unshift({ role: 'user', parts: [...instruction] });
    return { instruction: [], contents: turns.map((turn) => ({ ...turn })) };
  }
  return { instruction, contents: turns.map((turn) => ({ ...turn })) };
}

function textParts(text: string): JsonObject[] {
  return text === '' ? [] : [{ text }];
}

function textOf(parts: readonly ContentPart[]): string {
  return parts
    .map((part) => (part.type === 'text' ? part.text : part.type === 'refusal' ? part.refusal : ''))
    .join('');
}

/** Thoughts stay with us: what the model wants of them is in their signatures. */
function modelParts(
  message: AssistantMessage,
  model: GeminiModel,
  readArguments: ArgumentsReader['read'],
): JsonObject[] {
  const text = textOf(partsOf(message));
  const signature = signatureOf(message);
  const parts: JsonObject[] = textParts(text);
  if (signature !== undefined) {
    const [last] = parts.splice(-1);
    parts.push({ ...(last ?? { text: '' }), thoughtSignature: signature });
  }
  for (const [index, call] of message.toolCalls.entries()) {
    const stand = model.wantsSignatures && index === 0 ? foreignSignature : undefined;
    const signed = signatureOf(call) ?? stand;
    parts.push({
      functionCall: { id: call.id, name: call.name, args: readArguments(call.arguments) },
      ...(signed === undefined ? {} : { thoughtSignature: signed }),
    });
  }
  return parts;
}

/** `extra_content.google.thought_signature`, as Google's own OpenAI-compatible API has it. */
function signatureOf({ extra }: { readonly extra?: JsonObject }): string | undefined {
  const signature = asRecord(extra?.['google'])?.['thought_signature'];
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
        return textParts(textOf([part]));
    }
  });
}

// ai.google.dev/gemini-api/docs/image-understanding, "Supported image formats"
const imageTypes = new Set(['image/png', 'image/jpeg', 'image/webp', 'image/heic', 'image/heif']);

/** Undefined where the API takes no such image. */
export function imagePart(url: string): JsonObject | undefined {
  if (/^https?:\/\//i.test(url)) return { fileData: { fileUri: url } };
  const inline = parseDataUrl(url);
  // "Unsupported MIME type: image/jpg"
  const mimeType = inline?.mediaType === 'image/jpg' ? 'image/jpeg' : inline?.mediaType;
  if (inline === undefined || mimeType === undefined || !imageTypes.has(mimeType)) return undefined;
  return { inlineData: { mimeType, data: inline.base64 } };
}
