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
  return Array.isArray(json['choices']) ? [json as object as ChatCompletionChunk] : [];
}

/** A whole answer as the one chunk of a stream: some servers send it whatever `stream` says. */
export function chunkOfCompletion(json: unknown): string | undefined {
  if (!isObject(json) || !Array.isArray(json['choices'])) return undefined;
  const choices = json['choices'].map((choice: Record<string, unknown>) => ({
    ...choice,
    delta: choice['message'],
  }));
  return JSON.stringify({ ...json, object: 'chat.completion.chunk', choices });
}
