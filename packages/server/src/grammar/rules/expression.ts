import type { Range } from '../automata/code-points.ts';

/**
 * The right-hand side of a grammar rule. A choice without items matches no text (`never`); a sequence without items
 * matches the empty text (`empty`).
 */
export type Expression =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'characters'; readonly ranges: readonly Range[] }
  | { readonly kind: 'sequence'; readonly items: readonly Expression[] }
  | { readonly kind: 'choice'; readonly items: readonly Expression[] }
  | {
      readonly kind: 'repeat';
      readonly item: Expression;
      readonly min: number;
      /** Absent: no limit. */
      readonly max?: number;
    }
  | { readonly kind: 'rule'; readonly id: number };

export const never: Expression = { kind: 'choice', items: [] };
export const empty: Expression = { kind: 'sequence', items: [] };

export function isNever(expression: Expression): boolean {
  return expression.kind === 'choice' && expression.items.length === 0;
}

export function text(value: string): Expression {
  return value === '' ? empty : { kind: 'text', text: value };
}

export function characters(ranges: readonly Range[]): Expression {
  return ranges.length === 0 ? never : { kind: 'characters', ranges };
}

export const digit = characters([[0x30, 0x39]]);

/** The items one after the other. Adjacent texts become one text; where an item is `never`, so is the result. */
export function sequence(...items: readonly Expression[]): Expression {
  const flat: Expression[] = [];
  for (const item of items) {
    if (isNever(item)) return never;
    for (const part of item.kind === 'sequence' ? item.items : [item]) {
      const last = flat.at(-1);
      if (last?.kind === 'text' && part.kind === 'text') flat[flat.length - 1] = text(last.text + part.text);
      else flat.push(part);
    }
  }
  const [only] = flat;
  return flat.length === 1 && only !== undefined ? only : { kind: 'sequence', items: flat };
}

export function choice(...items: readonly Expression[]): Expression {
  const flat = items.flatMap((item) => (item.kind === 'choice' ? item.items : [item]));
  const rules = new Set<number>();
  // A rule that stood here twice would double the steps of llama.cpp's check for left recursion at each level.
  const kept = flat.filter((item) => {
    if (item.kind !== 'rule') return true;
    if (rules.has(item.id)) return false;
    rules.add(item.id);
    return true;
  });
  const [only] = kept;
  return kept.length === 1 && only !== undefined ? only : { kind: 'choice', items: kept };
}

export function optional(item: Expression): Expression {
  return isNever(item) ? empty : choice(item, empty);
}
