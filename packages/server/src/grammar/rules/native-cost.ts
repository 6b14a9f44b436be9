import type { Expression } from './expression.ts';
import type { Rule } from './rule-set.ts';

/**
 * The most steps that llama.cpp's check for left recursion takes from one rule. The check walks along the first symbol
 * of each alternative and does not remember which rules it has seen, so alternatives of alternatives multiply: thirty
 * levels of two would block the engine for minutes. Infinity where the check would not end.
 */
export function leftmostWalks(rules: readonly Rule[]): number {
  const byId = new Map(rules.map((rule) => [rule.id, rule]));
  const known = new Map<number, number>();
  const walk = (id: number): number => {
    const before = known.get(id);
    if (before !== undefined) return before;
    known.set(id, Number.POSITIVE_INFINITY);
    const body = byId.get(id)?.body;
    const steps = 1 + (body === undefined ? 0 : leftmost(body).reduce((sum, next) => sum + walk(next), 0));
    known.set(id, steps);
    return steps;
  };
  return rules.reduce((most, rule) => Math.max(most, walk(rule.id)), 0);
}

/** The symbols into which llama.cpp expands all repetitions; half a million take it nearly a second. */
export function repetitions(rules: readonly Rule[]): number {
  const of = (expression: Expression): number => {
    switch (expression.kind) {
      case 'sequence':
      case 'choice':
        return expression.items.reduce((sum, item) => sum + of(item), 0);
      case 'repeat':
        return (expression.max ?? expression.min) + of(expression.item);
      default:
        return 0;
    }
  };
  return rules.reduce((sum, { body }) => sum + of(body), 0);
}

function leftmost(expression: Expression): readonly number[] {
  switch (expression.kind) {
    case 'rule':
      return [expression.id];
    case 'repeat':
      return leftmost(expression.item).flatMap((id) =>
        Array.from({ length: Math.min(expression.max ?? 1, 1000) }, () => id),
      );
    case 'choice':
      return expression.items.flatMap(leftmost);
    case 'sequence': {
      const found: number[] = [];
      for (const item of expression.items) {
        found.push(...leftmost(item));
        if (!mayBeEmpty(item)) break;
      }
      return found;
    }
    default:
      return [];
  }
}

function mayBeEmpty(expression: Expression): boolean {
  switch (expression.kind) {
    case 'sequence':
      return expression.items.every(mayBeEmpty);
    case 'choice':
      return expression.items.some(mayBeEmpty);
    case 'repeat':
      return expression.min === 0 || mayBeEmpty(expression.item);
    default:
      return false;
  }
}
