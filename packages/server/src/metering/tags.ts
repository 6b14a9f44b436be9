import { type Failure, fail, failure, ok, type Result } from '../domain/failure.ts';

export const tagsHeader = 'tailrace-tags';
const maxTags = 10;
const side = /^[A-Za-z0-9\-_.:/]{1,64}$/;

/**
 * Reads `tailrace-tags: team=blue,job=7`: at most 10 tags, each side of at most 64 letters, digits and `-_.:/`. Several header
 * lines count as one. Fails with `invalid_value`.
 */
export function readTags(lines: readonly string[] | undefined): Result<Readonly<Record<string, string>>> {
  if (lines === undefined) return ok(noTags);
  const tags: Record<string, string> = {};
  for (const piece of lines.join(',').split(',')) {
    const text = piece.trim();
    if (text === '') continue;
    const at = text.indexOf('=');
    const name = text.slice(0, Math.max(0, at)).trim();
    const value = text.slice(at + 1).trim();
    if (!side.test(name) || !side.test(value)) return fail(badTag(text));
    if (Object.hasOwn(tags, name)) return fail(refused(`The tag '${name}' stands twice.`));
    Object.defineProperty(tags, name, { value, enumerable: true });
  }
  const count = Object.keys(tags).length;
  return count > maxTags ? fail(refused(`A request has at most ${maxTags} tags; ${count} came.`)) : ok(tags);
}

const noTags = {};

function badTag(text: string): Failure {
  const shown = text.slice(0, 100).toWellFormed();
  return refused(
    `'${shown}' is no tag. A tag is name=value; each side has 1 to 64 letters, digits and - _ . : /`,
  );
}

function refused(message: string): Failure {
  return failure('invalid_value', message, { param: tagsHeader });
}
