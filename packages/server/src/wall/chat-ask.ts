import { createHash } from 'node:crypto';

/** A chat request as far as the wall honours it; everything else in the body is ignored. */
export interface ChatAsk {
  readonly model: string;
  readonly messages: readonly AskedMessage[];
  /** Text of a last message by the assistant: the answer goes on behind it. */
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

export interface AskedMessage {
  readonly role: string;
  readonly text: string;
}

/** Reads a body. A string says what is wrong with it. */
export function readChatAsk(body: string): ChatAsk | string {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return 'The body is not JSON.';
  }
  if (!isObject(value)) return 'The body must be a JSON object.';
  if (typeof value['model'] !== 'string') return 'model must be a string, such as "wall/healthy".';
  if (!Array.isArray(value['messages'])) return 'messages must be an array.';
  const messages = value['messages'].map(readMessage);
  const last = messages.at(-1);
  const continued = last?.role === 'assistant' ? last : undefined;
  const maxTokens = value['max_completion_tokens'] ?? value['max_tokens'];
  return {
    model: value['model'],
    messages: continued === undefined ? messages : messages.slice(0, -1),
    prefix: continued?.text ?? '',
    stream: value['stream'] === true,
    includeUsage: isObject(value['stream_options']) && value['stream_options']['include_usage'] === true,
    ...(typeof maxTokens === 'number' ? { maxTokens } : {}),
    stop: readStop(value['stop']),
    n: typeof value['n'] === 'number' ? Math.min(8, Math.max(1, Math.trunc(value['n']))) : 1,
    json: isObject(value['response_format']) && /^json_/.test(String(value['response_format']['type'])),
    toolName: readToolName(value['tools']),
  };
}

/** Equal for equal messages, whoever asks: requests that are the same question. */
export function promptDigest({ messages }: Pick<ChatAsk, 'messages'>): Buffer {
  return createHash('sha256')
    .update(JSON.stringify(messages.map(({ role, text }) => [role, text])))
    .digest();
}

function readMessage(value: unknown): AskedMessage {
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
  const first: unknown = Array.isArray(value) ? value[0] : undefined;
  const tool = isObject(first) ? first['function'] : undefined;
  return isObject(tool) && isString(tool['name']) ? tool['name'] : 'get_weather';
}

function isString(value: unknown): value is string {
  return typeof value === 'string';
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
