import type { APIError } from '../errors/errors.ts';
import { errorOfEvent, isObject } from '../errors/from-answer.ts';
import type { ChatCompletionChunk } from '../types/chat.ts';

/** What the data of an event is. */
export type EventContent =
  | ChatCompletionChunk
  | APIError
  | 'done'
  /** Data that begins like JSON and is none: text may be lost with it. */
  | 'torn';

/** Nothing where the event is a heartbeat, or JSON that is no chunk. */
export function readEvent(data: string, name: string, headers: Headers | undefined): readonly EventContent[] {
  const text = data.trim();
  if (text === '[DONE]') return ['done'];
  if (text[0] !== '{') return name === 'error' && text !== '' ? [errorOfEvent(text, headers)] : [];
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // Servers that forget the blank line between events: each line is one.
    const lines = text.split('\n');
    return lines.length > 1 ? lines.flatMap((line) => readEvent(line, name, headers)) : ['torn'];
  }
  if (!isObject(json)) return [];
  const error = json['error'] ?? (name === 'error' ? json : undefined);
  if (error) return [errorOfEvent(error, headers)];
  const { choices } = json;
  if (!Array.isArray(choices)) return [];
  return choices.every(isReadable) ? [json as object as ChatCompletionChunk] : ['torn'];
}

/** False for a choice whose output, if it has any, cannot be read. Parts in place of a text become what a Tailrace makes of them. */
function isReadable(choice: unknown): boolean {
  if (!isObject(choice)) return false;
  const delta = choice['delta'] ?? {};
  if (!isObject(delta) || Array.isArray(delta)) return false;
  const { content } = delta;
  if (!Array.isArray(content)) return content == null || typeof content === 'string';
  const parts = content.filter(isObject);
  const thoughts = parts.flatMap(({ thinking }) => thinking).filter(isObject);
  const others = parts.filter((part) => !('text' in part || 'thinking' in part));
  delta['content'] = textIn(parts);
  if (thoughts.length > 0) delta['reasoning_content'] ??= textIn(thoughts);
  if (others.length > 0) delta['content_parts'] = others;
  return true;
}

function textIn(parts: readonly Record<string, unknown>[]): string {
  return parts.map(({ text }) => text ?? '').join('');
}

/** A whole answer, or an error, as the one event of a stream: some servers send it with a 200, whatever `stream` says. */
export function eventOfAnswer(json: unknown): string | undefined {
  if (isObject(json) && json['error']) return JSON.stringify(json);
  if (!isObject(json) || !Array.isArray(json['choices'])) return undefined;
  const choices = json['choices'].filter(isObject).map((choice) => ({ ...choice, delta: choice['message'] }));
  return JSON.stringify({ ...json, object: 'chat.completion.chunk', choices });
}
