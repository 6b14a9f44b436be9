/** Any value that `JSON.parse` returns. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;
/** An object that `JSON.parse` returns. */
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/** Whether a JSON value is an object. False for undefined (an absent member). */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether a value carries nothing: absent, `null`, `""`, `[]` and `{}`. */
export function isBlank(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true;
  if (Array.isArray(value)) return value.length === 0;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

/** The message of the error that {@link parseForeignJson} throws for an object with a name that is one backslash. */
export const loneBackslashMessage = 'an object has a name that is one backslash';

/**
 * Finds a name that is one backslash. Only a name has a brace, a comma or white space before its quote and a colon
 * after it.
 */
const loneBackslash = /[{,\s]"\\(?:\\|u005[cC])"\s*:/;

/**
 * `JSON.parse` for text of clients and upstreams. Throws the same errors, and a SyntaxError for an object with a name that is
 * one backslash. After V8 (14.0, Node 24) has parsed such a name, it parses a name that is one escape (`"\u00e9"`, `"\n"`) as
 * a backslash, at the same place of every later object in the process: one client could change the requests of others.
 */
export function parseForeignJson(text: string): unknown {
  if (text.includes('"\\') && loneBackslash.test(text)) {
    throw new SyntaxError(loneBackslashMessage);
  }
  return JSON.parse(text);
}
