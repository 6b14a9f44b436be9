import { choice, type Expression, empty, never, sequence, text } from '../rules/expression.ts';
import { countBounds } from '../schema/bounds.ts';
import { canonicalJson } from '../schema/canonical-json.ts';
import { isList, listOf, type Part, type PlainPart } from '../schema/schema-part.ts';
import { itemPath, memberPath } from '../schema/schema-path.ts';
import { finiteValues, typesOf } from '../schema/schema-types.ts';
import type { Compiler } from './compiler.ts';
import { orderedList } from './ordered-list.ts';
import { comma, listOf as commaList, constant } from './shared-rules.ts';
import { pathOf } from './string-expression.ts';

export function arrayExpression(compiler: Compiler, parts: readonly PlainPart[]): Expression {
  const { problems, limits } = compiler;
  const { min: least, max } = countBounds(parts, 'minItems', 'maxItems');
  if (least > limits.maxCount || (max ?? 0) > limits.maxCount) {
    problems.refuse(
      'invalid_value',
      pathOf(parts, [least > limits.maxCount ? 'minItems' : 'maxItems']),
      `At most ${limits.maxCount} items can be counted.`,
    );
    return never;
  }
  const fixed = Math.max(0, ...parts.map(({ schema }) => prefixOf(schema).length));
  // Authors mean a complete tuple; without minItems the specification allows an empty one.
  const hasMin = parts.some(({ schema }) => schema['minItems'] !== undefined);
  const min = hasMin ? least : Math.min(fixed, max ?? fixed);
  const unique = parts.find(({ schema }) => schema['uniqueItems'] === true);
  if (unique !== undefined && (max === undefined || max > 1))
    return uniqueItems(compiler, parts, unique, fixed, least, max);
  const open = fixed === 0 || parts.some(({ schema }) => restOf(schema) !== undefined);
  const body = tuple(compiler, parts, fixed, min, open ? max : Math.min(max ?? fixed, fixed));
  return sequence(text('['), body, text(']'));
}

function tuple(
  compiler: Compiler,
  parts: readonly PlainPart[],
  fixed: number,
  min: number,
  max: number | undefined,
): Expression {
  const { rules } = compiler;
  const rest = max !== undefined && max <= fixed ? never : compiler.value(restParts(parts, fixed));
  if (fixed === 0) return commaList(rules, rest, min, max);
  const left = max === undefined ? [] : [Math.max(0, max - fixed)];
  let after = rules.repeat(sequence(comma(rules), rest), Math.max(0, min - fixed), ...left);
  for (let index = fixed - 1; index >= 0; index -= 1) {
    const item = max !== undefined && index >= max ? never : compiler.value(itemParts(parts, index));
    const more = sequence(index === 0 ? empty : comma(rules), item, after);
    after = index >= min ? rules.define(choice(more, empty)) : more;
  }
  return after;
}

/** Older drafts write a tuple as a list in `items`, with `additionalItems` for the rest. */
function prefixOf(schema: PlainPart['schema']): readonly Part['schema'][] {
  return schema['prefixItems'] === undefined ? listOf(schema, 'items') : listOf(schema, 'prefixItems');
}

function restOf(schema: PlainPart['schema']): 'items' | 'additionalItems' | undefined {
  if (schema['items'] !== undefined && !isList(schema['items'])) return 'items';
  return isList(schema['items']) && schema['additionalItems'] !== undefined ? 'additionalItems' : undefined;
}

function itemParts(parts: readonly PlainPart[], index: number): readonly Part[] {
  return parts.flatMap((part) => {
    const own = prefixOf(part.schema)[index];
    const name = part.schema['prefixItems'] === undefined ? 'items' : 'prefixItems';
    return own === undefined
      ? restPart(part)
      : [{ schema: own, path: itemPath(memberPath(part.path, name), index) }];
  });
}

function restParts(parts: readonly PlainPart[], fixed: number): readonly Part[] {
  return itemParts(parts, fixed);
}

function restPart({ schema, path }: PlainPart): readonly Part[] {
  const name = restOf(schema);
  const value = name === undefined ? undefined : schema[name];
  return name === undefined || value === undefined ? [] : [{ schema: value, path: memberPath(path, name) }];
}

/**
 * `uniqueItems` is enforced where the items are listed values: the answer has each at most once, in the order of the
 * list, because a grammar cannot remember what has been written.
 */
function uniqueItems(
  compiler: Compiler,
  parts: readonly PlainPart[],
  unique: PlainPart,
  fixed: number,
  min: number,
  max: number | undefined,
): Expression {
  const { rules, problems, limits } = compiler;
  const items = restParts(parts, 0);
  const { plain } = compiler.document.expand(items);
  const types = typesOf(plain, problems);
  const booleans = types.length === 1 && types[0] === 'boolean' ? [true, false] : undefined;
  const values = finiteValues(plain)?.values ?? booleans;
  if (fixed > 0 || values === undefined || values.length * Math.max(min, max ?? 0) > limits.maxRules) {
    problems.refuse(
      'unsupported_parameter',
      memberPath(unique.path, 'uniqueItems'),
      '“uniqueItems” is enforced only where the items are an enum: a grammar cannot remember what it has written.',
    );
    return never;
  }
  const valid = values.filter((value) => compiler.satisfies(value, items));
  const distinct = [...new Map(valid.map((value) => [canonicalJson(value), value])).values()];
  const entries = distinct.map((value) => ({
    body: constant(rules, [value], compiler.work),
    required: false,
  }));
  const bounds = max === undefined || max >= entries.length ? {} : { max };
  if (min > entries.length) return never;
  return sequence(text('['), orderedList(rules, { entries, min, ...bounds, comma: comma(rules) }), text(']'));
}
