import type { Expression } from './expression.ts';
import { sequence } from './expression.ts';
import { references } from './prune.ts';
import type { Rule } from './rule-set.ts';

/**
 * The same grammar with one rule in the place of several equal ones: zod, for instance, repeats a type at each of its
 * uses. Recursive rules are never merged, because their bodies contain their own ids. The first rule stays the first.
 */
export function mergeRules(rules: readonly Rule[]): readonly Rule[] {
  const same = new Map<number, number>();
  const byBody = new Map<string, number>();
  const bodies = new Map<number, Expression>();
  /** Rules that a body already refers to by their own ids: the root, and rules on a cycle. They are kept. */
  const named = new Set(rules.slice(0, 1).map(({ id }) => id));

  function rename(expression: Expression): Expression {
    switch (expression.kind) {
      case 'rule':
        return { kind: 'rule', id: nameOf(expression.id) };
      case 'repeat':
        return { ...expression, item: rename(expression.item) };
      case 'sequence':
        return sequence(...expression.items.map(rename));
      case 'choice':
        return { kind: 'choice', items: expression.items.map(rename) };
      default:
        return expression;
    }
  }

  /** The id of the merged rule, or, on a cycle, the rule's own id. */
  function nameOf(id: number): number {
    const known = same.get(id);
    if (known === undefined) named.add(id);
    return known ?? id;
  }

  for (const rule of innermostFirst(rules)) {
    const body = rename(rule.body);
    const key = `${rule.blocks === true} ${JSON.stringify(body)}`;
    const first = named.has(rule.id) ? rule.id : (byBody.get(key) ?? rule.id);
    if (!byBody.has(key)) byBody.set(key, first);
    same.set(rule.id, first);
    if (first === rule.id) bodies.set(rule.id, body);
  }
  return rules.flatMap((rule) => {
    const body = bodies.get(rule.id);
    return body === undefined ? [] : [{ ...rule, body }];
  });
}

/** Each rule behind the rules that it refers to, except on cycles. Not recursive: chains have thousands of rules. */
function innermostFirst(rules: readonly Rule[]): readonly Rule[] {
  const byId = new Map(rules.map((rule) => [rule.id, rule]));
  const order: Rule[] = [];
  const seen = new Set<number>();
  const path: { readonly rule: Rule; readonly named: readonly number[]; next: number }[] = [];
  const enter = (id: number): void => {
    const rule = byId.get(id);
    if (rule === undefined || seen.has(id)) return;
    seen.add(id);
    path.push({ rule, named: references(rule.body), next: 0 });
  };
  for (const { id } of rules) {
    enter(id);
    for (let at = path.at(-1); at !== undefined; at = path.at(-1)) {
      const inner = at.named[at.next];
      at.next += 1;
      if (inner !== undefined) enter(inner);
      else {
        order.push(at.rule);
        path.pop();
      }
    }
  }
  return order;
}
