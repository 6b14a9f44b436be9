import { parseExactly, writeExactly } from './exact-json.ts';
import { isObject, type JsonValue } from './json.ts';
import { keepSpellings, numbersOf, setNumbers } from './spellings.ts';

/**
 * A JSON text without white space and with sorted keys: equal for texts of the same value. Numbers keep their spelling, because
 * two long ones may be the same number to JavaScript. Undefined where the text is not JSON, or is nested some thousand levels
 * deep.
 */
export function sortedJson(text: string): string | undefined {
  try {
    return writeExactly(sorted(parseExactly(text)));
  } catch {
    return undefined;
  }
}

function sorted(value: JsonValue): JsonValue {
  if (Array.isArray(value)) {
    const items = value.map(sorted);
    const spellings = numbersOf(value);
    if (spellings !== undefined) setNumbers(items, spellings);
    return items;
  }
  if (!isObject(value)) return value;
  const members = Object.keys(value)
    .toSorted()
    .map((name) => [name, sorted(value[name] ?? null)]);
  return keepSpellings(value, Object.fromEntries(members));
}
