import { choice, type Expression, empty, isNever, never, sequence } from './expression.ts';
import type { RuleSet } from './rule-set.ts';

/** Entries that come in a fixed order, each at most once, then perhaps others. */
export interface OrderedList {
  readonly entries: readonly { readonly body: Expression; readonly required: boolean }[];
  /** What may follow, any number of times. */
  readonly others?: Expression;
  readonly min: number;
  readonly max?: number;
  readonly comma: Expression;
}

/**
 * Every subset of the optional entries in its order, with the right commas, one rule for each entry:
 *
 * ```
 *   from i   =  entry i, after i+1   |  from i+1, where i is optional
 *   after i  =  comma, from i        |  nothing, where nothing required is left
 * ```
 * With bounds on the number of entries each rule exists once for each count so far, `min` and `max` at most.
 * Others may repeat a name, and a reader keeps the last: they are counted as one towards `min`.
 */
export function orderedList(rules: RuleSet, list: OrderedList): Expression {
  const { entries, others = never, min, max, comma } = list;
  const cap = max ?? min;
  const known = new Map<string, Expression>();
  const requiredLeft = entries.map((_, index) => entries.slice(index).some(({ required }) => required));

  const mayEnd = (index: number, count: number): boolean => requiredLeft[index] !== true && count >= min;
  const mayGoOn = (index: number, count: number): boolean =>
    (max === undefined || count < max) && (index < entries.length || !isNever(others));

  function from(index: number, count: number): Expression {
    const key = `${index} ${count}`;
    const before = known.get(key);
    if (before !== undefined) return before;
    const rule = rules.declare();
    const reference: Expression = { kind: 'rule', id: rule.id };
    known.set(key, reference);
    rule.body = index < entries.length ? fromEntry(index, count) : fromOthers(count);
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

  // The last entries first: the rules of a thousand properties are made without a thousand nested calls.
  for (let index = entries.length; index >= 0; index -= 1) {
    for (let count = cap; count >= 0; count -= 1) if (mayGoOn(index, count)) from(index, count);
  }
  const some = mayGoOn(0, 0) ? from(0, 0) : never;
  return mayEnd(0, 0) ? choice(some, empty) : some;
}
