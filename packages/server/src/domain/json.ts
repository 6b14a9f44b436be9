export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/** For a value that comes from JSON; undefined where a member is absent. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What {@link parseForeignJson} says of such a name. */
export const loneBackslashMessage = 'an object has a name that is one backslash';

/** A name that is one backslash. Only a name's quote stands behind a brace, a comma or white space, and before a colon. */
const loneBackslash = /[{,\s]"\\(?:\\|u005[cC])"\s*:/;

/**
 * `JSON.parse` for text of others; throws what it throws, and a SyntaxError for an object with a name that is one
 * backslash. Once V8 (14.0, Node 24) has read such a name, it reads names that are one escape (`"\u00e9"`, `"\n"`) as
 * that backslash, at the same place of every later object in the process: one peer would change what others mean.
 */
export function parseForeignJson(text: string): unknown {
  if (text.includes('"\\') && loneBackslash.test(text)) {
    throw new SyntaxError(loneBackslashMessage);
  }
  return JSON.parse(text);
}
