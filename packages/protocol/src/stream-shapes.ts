import type { StreamError } from './stream-report.ts';
import type { UsageWire } from './wire-types.ts';

export type UnknownObject = { readonly [key: string]: unknown };

export function isObject(value: unknown): value is UnknownObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isFilled(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

export function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

export function isAscii(text: string): boolean {
  return /^[\x20-\x7e\n]*$/.test(text);
}

export function hasOnly(object: UnknownObject, keys: readonly string[]): boolean {
  return Object.keys(object).every((key) => keys.includes(key));
}

/** The value, or undefined where the text is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function isUsage(value: unknown): value is UsageWire {
  if (!isObject(value)) return false;
  const { prompt_tokens: prompt, completion_tokens: completion, total_tokens: total } = value;
  if (!isCount(prompt) || !isCount(completion) || total !== prompt + completion) return false;
  return (
    isPart(value['prompt_tokens_details'], 'cached_tokens', prompt) &&
    isPart(value['completion_tokens_details'], 'reasoning_tokens', completion)
  );
}

function isPart(details: unknown, name: string, whole: number): boolean {
  if (details === undefined) return true;
  const part = isObject(details) ? details[name] : undefined;
  return isCount(part) && part <= whole;
}

export function isErrorBody(value: unknown): boolean {
  return (
    isObject(value) &&
    hasOnly(value, ['message', 'type', 'param', 'code', 'request_id']) &&
    ['message', 'type', 'code', 'request_id'].every((name) => isFilled(value[name])) &&
    (value['param'] === null || typeof value['param'] === 'string')
  );
}

/** The fields of an error event in any form; absent ones are empty. */
export function readError(value: unknown): StreamError {
  const { message, type, param, code, request_id: requestId } = isObject(value) ? value : {};
  const text = (field: unknown) => (typeof field === 'string' ? field : '');
  return {
    message: text(isObject(value) ? message : value),
    type: text(type),
    param: typeof param === 'string' ? param : null,
    code: text(code),
    requestId: text(requestId),
  };
}

/** A value as JSON of at most 120 characters, for a violation's message. */
export function excerpt(value: unknown): string {
  const text = JSON.stringify(value) ?? 'undefined';
  return text.length > 120 ? `${text.slice(0, 117)}…` : text;
}
