import type { RecordFilter } from '../records.ts';

/*
 * Values that both databases take. One row that PostgreSQL refuses (a NUL in a text, a value that is too long for an index, a
 * number that is not whole) would make its whole batch fail, and every repetition of it; so no value of a request reaches a
 * database unchecked.
 */

/** Longer values of clients are cut: a row of an index of PostgreSQL has at most 2,704 bytes. */
const maxTextLength = 256;

/** A text of a client as it is stored: well-formed, without NUL, at most 256 UTF-16 units long. */
export function storableText(text: string): string {
  if (text.length <= maxTextLength && text.isWellFormed() && !text.includes('\0')) return text;
  return text.slice(0, maxTextLength).replaceAll('\0', '\ufffd').toWellFormed();
}

/** A whole number that every column takes; what is not finite becomes 0. */
export function storableNumber(value: number): number {
  if (Number.isSafeInteger(value)) return value;
  if (!Number.isFinite(value)) return 0;
  return Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, Math.round(value)));
}

/** A filter as its values are stored: it finds the records of a client's value, also where that was cut. */
export function storableFilter<Filter extends RecordFilter & { readonly id?: string }>(
  filter: Filter,
): Filter {
  const { id, keyId, owner, user, model, tag } = filter;
  return {
    ...filter,
    ...(id === undefined ? {} : { id: storableText(id) }),
    ...(keyId === undefined ? {} : { keyId: storableText(keyId) }),
    ...(owner === undefined ? {} : { owner: storableText(owner) }),
    ...(user === undefined ? {} : { user: storableText(user) }),
    ...(model === undefined ? {} : { model: storableText(model) }),
    ...(tag === undefined ? {} : { tag: { name: storableText(tag.name), value: storableText(tag.value) } }),
  };
}

/** JSON of tags, sorted by name, so that equal tags are equal texts, in both databases. */
export function storableTags(tags: Readonly<Record<string, string>>): string {
  const names = Object.keys(tags);
  if (names.length === 0) return '{}';
  return JSON.stringify(
    Object.fromEntries(names.sort().map((name) => [storableText(name), storableText(tags[name] ?? '')])),
  );
}

export function readTags(column: string): Readonly<Record<string, string>> {
  return column === '{}' ? {} : (JSON.parse(column) as Record<string, string>);
}

/** Whether a column of truth values holds true: 1 in SQLite. */
export function readBoolean(column: number | boolean): boolean {
  return column === true || column === 1;
}
