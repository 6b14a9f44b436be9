import { choice, type Expression, isNever, never, sequence } from './expression.ts';
import type { Rule } from './rule-set.ts';

/**
 * A grammar without the parts that no text can complete; the root is its first rule. In a part that cannot be completed
 * a model would write until its token limit.
 */
export type Pruned =
  | { readonly ok: true; readonly rules: readonly Rule[] }
  /** No text matches the root. `path`: the innermost place in the schema that causes it. */
  | { readonly ok: false; readonly path: string | undefined };

export function prune(rules: readonly Rule[], root: Rule): Pruned {
  const productive = productiveRules(rules);
  if (!productive.has(root.id)) return { ok: false, path: blame(rules, root, productive) };
  const trimmed = rules.map((rule) => ({ ...rule, body: trim(rule.body, productive) }));
  breakUnitCycles(trimmed);
  return { ok: true, rules: reachable(trimmed, root.id) };
}

/** The rules that some finite text matches: the least fixed point, by a worklist, linear in the grammar. */
function productiveRules(rules: readonly Rule[]): ReadonlySet<number> {
  const productive = new Set<number>();
  const users = new Map<number, Rule[]>();
  for (const rule of rules) {
    for (const id of new Set(references(rule.body))) {
      const list = users.get(id);
      if (list === undefined) users.set(id, [rule]);
      else list.push(rule);
    }
  }
  const waiting = [...rules];
  for (let rule = waiting.pop(); rule !== undefined; rule = waiting.pop()) {
    if (productive.has(rule.id) || !completes(rule.body, productive)) continue;
    productive.add(rule.id);
    waiting.push(...(users.get(rule.id) ?? []));
  }
  return productive;
}

function completes(expression: Expression, productive: ReadonlySet<number>): boolean {
  switch (expression.kind) {
    case 'rule':
      return productive.has(expression.id);
    case 'sequence':
      return expression.items.every((item) => completes(item, productive));
    case 'choice':
      return expression.items.some((item) => completes(item, productive));
    case 'repeat':
      return expression.min === 0 || completes(expression.item, productive);
    default:
      return true;
  }
}

/** The rules that an expression refers to, in order and with repetitions. */
export function references(expression: Expression): readonly number[] {
  switch (expression.kind) {
    case 'rule':
      return [expression.id];
    case 'sequence':
    case 'choice':
      return expression.items.flatMap(references);
    case 'repeat':
      return references(expression.item);
    default:
      return [];
  }
}

function trim(expression: Expression, productive: ReadonlySet<number>): Expression {
  switch (expression.kind) {
    case 'rule':
      return productive.has(expression.id) ? expression : never;
    case 'sequence':
      return sequence(...expression.items.map((item) => trim(item, productive)));
    case 'choice':
      return choice(
        ...expression.items.map((item) => trim(item, productive)).filter((item) => !isNever(item)),
      );
    case 'repeat': {
      const item = trim(expression.item, productive);
      // Its `min` is 0 here: with another `min` the sequence around it would be unproductive, and gone.
      return isNever(item) ? sequence() : { ...expression, item };
    }
    default:
      return expression;
  }
}

/** The path of the innermost rule on the way along the first rules that cannot be completed. */
function blame(rules: readonly Rule[], root: Rule, productive: ReadonlySet<number>): string | undefined {
  let path = root.path;
  const seen = new Set<number>();
  let current: Rule | undefined = root;
  while (current !== undefined && !seen.has(current.id)) {
    seen.add(current.id);
    path = current.path ?? path;
    const next: number | undefined = references(current.body).find((id) => !productive.has(id));
    current = next === undefined ? undefined : rules[next];
  }
  return path;
}

/** The rules that are alternatives of a rule by themselves: `a ::= b | "x"` has b. */
function units(rule: Rule): readonly number[] {
  const items = rule.body.kind === 'choice' ? rule.body.items : [rule.body];
  return items.flatMap((item) => (item.kind === 'rule' ? [item.id] : []));
}

/**
 * `a ::= b | "x"`, `b ::= a | "y"` (an anyOf that refers back to itself) is left recursion, which llama.cpp refuses.
 * Each rule on such a cycle gets the other alternatives of all rules on it; it matches the same texts as before.
 */
function breakUnitCycles(rules: Rule[]): void {
  const reach = (from: Rule): ReadonlySet<number> => {
    const found = new Set<number>();
    const waiting = [...units(from)];
    for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
      const rule = rules[id];
      if (found.has(id) || rule === undefined) continue;
      found.add(id);
      waiting.push(...units(rule));
    }
    return found;
  };
  const cyclic = [...possiblyCyclic(rules)].flatMap((id) => {
    const rule = rules[id];
    return rule !== undefined && reach(rule).has(id) ? [rule] : [];
  });
  const bodies = cyclic.map((rule) => {
    const cycle = [...reach(rule)];
    const items = cycle.flatMap((id) => {
      const body = rules[id]?.body ?? never;
      return body.kind === 'choice' ? body.items : [body];
    });
    return choice(...items.filter((item) => item.kind !== 'rule' || !cycle.includes(item.id)));
  });
  cyclic.forEach((rule, index) => {
    rule.body = bodies[index] ?? never;
  });
}

/**
 * The rules that may be on a cycle: rules whose alternatives name no remaining rule are removed until none is left to
 * remove. Linear, also for long chains.
 */
function possiblyCyclic(rules: readonly Rule[]): ReadonlySet<number> {
  const left = new Set(rules.filter((rule) => units(rule).length > 0).map((rule) => rule.id));
  const namedBy = new Map<number, number[]>();
  const open = new Map<number, number>();
  for (const id of left) {
    const named = units(rules[id] ?? { id, body: never });
    open.set(id, named.length);
    for (const other of named) namedBy.set(other, [...(namedBy.get(other) ?? []), id]);
  }
  const waiting = rules.filter((rule) => !left.has(rule.id)).map((rule) => rule.id);
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    for (const user of namedBy.get(id) ?? []) {
      const rest = (open.get(user) ?? 0) - 1;
      open.set(user, rest);
      if (rest > 0) continue;
      left.delete(user);
      waiting.push(user);
    }
  }
  return left;
}

function reachable(rules: readonly Rule[], root: number): readonly Rule[] {
  const order: Rule[] = [];
  const seen = new Set<number>();
  const waiting = [root];
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    const rule = rules[id];
    if (seen.has(id) || rule === undefined) continue;
    seen.add(id);
    order.push(rule);
    waiting.push(...references(rule.body).toReversed());
  }
  return order;
}
