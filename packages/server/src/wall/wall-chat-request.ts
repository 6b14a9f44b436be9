import { createHash } from 'node:crypto';
import { isObject } from '../domain/json.ts';

/** A chat request as far as the wall honours it; everything else in the body is ignored. */
export interface WallChatRequest {
  readonly model: string;
  readonly messages: readonly ChatMessage[];
  /** Text of a last message by the assistant: the answer continues it. */
  readonly prefix: string;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  readonly maxTokens?: number;
  readonly stop: readonly string[];
  /** 1 … 8. */
  readonly n: number;
  /** `response_format` asks for JSON: then the text is one member of an object. */
  readonly json: boolean;
  /** Name of the first tool offered; the tool faults call it. */
  readonly toolName: string;
}

export interface ChatMessage {
  readonly role: string;
  readonly text: string;
}

/** Why a request is answered 400, and its wrong field; null for the body as a whole. */
export interface BadField {
  readonly param: string | null;
  readonly message: string;
}

export type ReadChatRequest =
  | { readonly ok: true; readonly ask: WallChatRequest }
  | { readonly ok: false; readonly badField: BadField };

const maxChoices = 8;

/**
 * Reads a body. A field that is absent or null has its default; a field of another form is refused, so that
 * a fault never plays on a value that it does not expect.
 */
export function readWallChatRequest(body: string): ReadChatRequest {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return refused(null, 'The body is not JSON.');
  }
  if (!isObject(value)) return refused(null, 'The body must be a JSON object.');
  const badField = findBadField(value);
  if (badField !== undefined) return { ok: false, badField };
  const { model, messages: given, stream_options: options, response_format: format, n } = value;
  const messages = listOf(given).map(readMessage);
  const last = messages.at(-1);
  const continued = last?.role === 'assistant' ? last : undefined;
  const maxTokens = value['max_completion_tokens'] ?? value['max_tokens'];
  return {
    ok: true,
    ask: {
      model: isString(model) ? model : '',
      messages: continued === undefined ? messages : messages.slice(0, -1),
      prefix: continued?.text ?? '',
      stream: value['stream'] === true,
      includeUsage: isObject(options) && options['include_usage'] === true,
      ...(typeof maxTokens === 'number' ? { maxTokens } : {}),
      stop: readStop(value['stop']),
      n: typeof n === 'number' ? n : 1,
      json: isObject(format) && isString(format['type']) && format['type'].startsWith('json_'),
      toolName: readToolName(value['tools']),
    },
  };
}

/** A digest of the messages: equal for requests with equal messages. */
export function promptDigest({ messages }: Pick<WallChatRequest, 'messages'>): Buffer {
  return createHash('sha256')
    .update(JSON.stringify(messages.map(({ role, text }) => [role, text])))
    .digest();
}

type Fields = Readonly<Record<string, unknown>>;
/** Stands for a required field that is missing; it fits no check. */
const absent = Symbol('nothing');

type Check = readonly [param: string, value: unknown, fits: (value: unknown) => boolean, expected: string];

/** The first field with a value that faults cannot handle. */
function findBadField(body: Fields): BadField | undefined {
  if (!isString(body['model'])) {
    return { param: 'model', message: 'model: expected a string, such as "wall/healthy".' };
  }
  if (!Array.isArray(body['messages']) || body['messages'].length === 0) {
    return { param: 'messages', message: 'messages: expected a list of at least one message.' };
  }
  for (const [param, value, fits, expected] of checks(body)) {
    if (value === undefined || value === null || fits(value)) continue;
    return { param, message: `${param}: expected ${expected}, got ${shown(value)}.` };
  }
  return undefined;
}

function* checks(body: Fields): Generator<Check> {
  for (const [index, message] of listOf(body['messages']).entries()) yield* messageChecks(index, message);
  yield ['stream', body['stream'], isBoolean, 'true or false'];
  yield ['stream_options', body['stream_options'], isObject, 'an object'];
  if (isObject(body['stream_options'])) {
    const usage = body['stream_options']['include_usage'];
    yield ['stream_options.include_usage', usage, isBoolean, 'true or false'];
  }
  for (const field of ['max_tokens', 'max_completion_tokens']) {
    yield [field, body[field], isCount, 'an integer of at least 0'];
  }
  yield ['seed', body['seed'], Number.isInteger, 'an integer'];
  yield ['stop', body['stop'], isStop, 'a string or a list of strings'];
  yield ['n', body['n'], isChoiceCount, `an integer from 1 to ${maxChoices}`];
  yield ['response_format', body['response_format'], isObject, 'an object'];
  if (isObject(body['response_format'])) {
    const type = body['response_format']['type'] ?? absent;
    yield ['response_format.type', type, isString, 'a string, such as "json_object"'];
  }
  yield ['tools', body['tools'], Array.isArray, 'a list'];
  for (const [index, tool] of listOf(body['tools']).entries()) {
    const named = !isObject(tool) || tool['type'] !== 'function' || toolNameOf(tool) !== undefined;
    yield [`tools[${index}]`, tool ?? absent, isObject, 'an object'];
    yield [`tools[${index}].function.name`, tool, () => named, 'the name of a function'];
  }
}

function* messageChecks(index: number, message: unknown): Generator<Check> {
  const path = `messages[${index}]`;
  yield [path, message ?? absent, isObject, 'an object'];
  if (!isObject(message)) return;
  const { role, content } = message;
  yield [`${path}.role`, role ?? absent, isString, 'a string'];
  yield [`${path}.content`, content, isContent, 'a string or a list of parts'];
  for (const [at, part] of listOf(content).entries()) {
    const place = `${path}.content[${at}]`;
    yield [place, part ?? absent, isPart, 'a part'];
    if (isObject(part)) yield [`${place}.text`, part['text'], isString, 'a string'];
  }
}

function readMessage(value: unknown): ChatMessage {
  if (!isObject(value)) return { role: '', text: '' };
  const { role, content } = value;
  const parts: readonly unknown[] = Array.isArray(content) ? content : [content];
  const text = parts.map((part) => (isObject(part) ? part['text'] : part)).filter(isString);
  return { role: isString(role) ? role : '', text: text.join('') };
}

function readStop(value: unknown): readonly string[] {
  const strings: readonly unknown[] = Array.isArray(value) ? value : [value];
  return strings.filter(isString).filter((stop) => stop !== '');
}

function readToolName(value: unknown): string {
  for (const tool of listOf(value)) {
    const name = isObject(tool) ? toolNameOf(tool) : undefined;
    if (name !== undefined) return name;
  }
  return 'get_weather';
}

function toolNameOf(tool: Fields): string | undefined {
  const { function: described } = tool;
  return isObject(described) && isString(described['name']) ? described['name'] : undefined;
}

function refused(param: string | null, message: string): ReadChatRequest {
  return { ok: false, badField: { param, message } };
}

/** A value for a message: short, and for objects and lists only their kind. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (isObject(value)) return 'an object';
  return (JSON.stringify(value) ?? 'nothing').slice(0, 80);
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function isString(value: unknown): value is string {
  return typeof value === 'string';
}

function isBoolean(value: unknown): boolean {
  return typeof value === 'boolean';
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function isChoiceCount(value: unknown): boolean {
  return Number.isInteger(value) && Number(value) >= 1 && Number(value) <= maxChoices;
}

function isStop(value: unknown): boolean {
  return isString(value) || (Array.isArray(value) && value.every(isString));
}

function isContent(value: unknown): boolean {
  return isString(value) || Array.isArray(value);
}

function isPart(value: unknown): boolean {
  return isString(value) || isObject(value);
}
