import { choice, type Expression, empty, isNever, never, sequence } from '../rules/expression.ts';
import type { RuleSet } from '../rules/rule-set.ts';
import { createKeyTree } from './key-tree.ts';

/** Entries in a fixed order, each at most once, and others behind them. */
export interface OrderedList {
  readonly entries: readonly { readonly body: Expression; readonly required: boolean }[];
  /** What may follow the entries, any number of times. Default: nothing. */
  readonly others?: Expression;
  readonly min: number;
  readonly max?: number;
  readonly comma: Expression;
}

/** From this many on entries become a tree of their keys. */
const manyEntries = 16;

/**
 * All required entries and any subset of the optional ones, in order and with commas between them, by one rule for
 * each entry:
 *
 * ```
 *   from i   =  entry i, after i+1   |  from i+1, where i is optional
 *   after i  =  comma, from i        |  nothing, where nothing required is left
 * ```
 * With bounds on the number of entries there is one rule for each entry and each count so far, up to `max`, or `min`.
 * Names of others may repeat, and then a JSON parser keeps the last: all others count as one towards `min`.
 */
export function orderedList(rules: RuleSet, list: OrderedList): Expression {
  const { entries, others = never, min, max, comma } = list;
  const cap = max ?? min;
  const known = new Map<string, Expression>();
  const requiredLeft = entries.map((_, index) => entries.slice(index).some(({ required }) => required));

  const mayEnd = (index: number, count: number): boolean => requiredLeft[index] !== true && count >= min;
  const mayGoOn = (index: number, count: number): boolean =>
    (max === undefined || count < max) && (index < entries.length || !isNever(others));

  const keys = entries.map(({ body }) => keyOf(body));
  const asTree = entries.length >= manyEntries && cap === 0 && max === undefined;
  const tree =
    asTree && isKeys(keys)
      ? createKeyTree(rules, keys, (index) => sequence(behindKey(entries[index]?.body), after(index + 1, 0)))
      : undefined;

  function from(index: number, count: number): Expression {
    const key = `${index} ${count}`;
    const before = known.get(key);
    if (before !== undefined) return before;
    const rule = rules.declare();
    const reference: Expression = { kind: 'rule', id: rule.id };
    known.set(key, reference);
    if (index === entries.length) rule.body = fromOthers(count);
    else rule.body = tree === undefined ? fromEntry(index, count) : fromTree(index);
    return reference;
  }

  function fromEntry(index: number, count: number): Expression {
    const entry = entries[index];
    if (entry === undefined) return never;
    const taken = sequence(entry.body, after(index + 1, Math.min(count + 1, cap)));
    return entry.required || !mayGoOn(index + 1, count) ? taken : choice(taken, from(index + 1, count));
  }

  function fromOthers(count: number): Expression {
    if (count + 1 < min) return never;
    const more = max === undefined ? [] : [max - count - 1];
    return sequence(others, rules.repeat(sequence(comma, others), 0, ...more));
  }

  function after(index: number, count: number): Expression {
    const more = mayGoOn(index, count) ? sequence(comma, from(index, count)) : never;
    return mayEnd(index, count) ? choice(more, empty) : more;
  }

  /** Many entries without counts: a tree of their keys, up to the next required entry. */
  function fromTree(index: number): Expression {
    const required = entries.findIndex((entry, at) => at >= index && entry.required);
    const some = tree?.between(index, required < 0 ? entries.length - 1 : required) ?? never;
    return required < 0 && !isNever(others) ? choice(some, from(entries.length, 0)) : some;
  }

  // From the last entry on: a thousand properties would otherwise be a thousand nested calls.
  for (let index = entries.length; index >= 0; index -= 1) {
    for (let count = cap; count >= 0; count -= 1) if (mayGoOn(index, count)) from(index, count);
  }
  const some = mayGoOn(0, 0) ? from(0, 0) : never;
  return mayEnd(0, 0) ? choice(some, empty) : some;
}

/** The quoted name with which an entry begins: because of the quotes no name is a prefix of another. */
function keyOf(body: Expression): string | undefined {
  const [first] = body.kind === 'sequence' ? body.items : [body];
  return first?.kind === 'text' && first.text.startsWith('"') ? first.text : undefined;
}

function isKeys(keys: readonly (string | undefined)[]): keys is readonly string[] {
  return keys.every((key) => key !== undefined) && new Set(keys).size === keys.length;
}

function behindKey(body: Expression | undefined): Expression {
  return body?.kind === 'sequence' ? sequence(...body.items.slice(1)) : empty;
}
