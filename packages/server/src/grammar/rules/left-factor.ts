import { choice, type Expression, empty, never, sequence } from './expression.ts';
import { type Cluster, clusters, isTerminal, keyOfSet, ways } from './form-groups.ts';
import { createForms, expressionOf, type Form } from './forms.ts';
import { createRuleSet, type Rule } from './rule-set.ts';

/** The most sets of forms that become rules. */
const mostSets = 6_000;
/** A longer form is the sign of a recursion that would be opened for ever. */
const longestForm = 48;

/**
 * A grammar of the same texts whose alternatives share their common prefixes, so that as few derivations as possible
 * are alive: `{"left": E, "op": "+"} | {"left": E, "op": "*"}` reads the first property once. It is the subset
 * construction, applied to a grammar. Where all forms of a set begin with the same rule, that rule stays a reference
 * and is not opened, so recursion is followed once; only rules that are different and may begin alike are opened. Where
 * this does not end within the bounds, the alternatives stay as they were.
 *
 * `mostSteps`: the most forms that are examined. The root is the first rule of both grammars.
 */
export function leftFactor(source: readonly Rule[], mostSteps: number): readonly Rule[] {
  const forms = createForms(source);
  const made = createRuleSet();
  const bySource = new Map<number, Expression>();
  const bySet = new Map<string, Expression>();
  /** For rules that were made here: the set of forms that each stands for. */
  const continuations = new Map<number, readonly (Form | undefined)[]>();
  const waiting: { readonly rule: Rule; readonly body: () => Expression }[] = [];
  const byRests = new Map<string, Expression>();
  let steps = 0;

  function reference(id: number): Expression {
    const rests = continuations.get(id);
    if (rests !== undefined) return emit(rests);
    const known = bySource.get(id);
    if (known !== undefined) return known;
    const origin = forms.rule(id);
    const { blocks, alive } = origin ?? {};
    const rule = made.declare(origin?.path, {
      ...(blocks === undefined ? {} : { blocks }),
      ...(alive === undefined ? {} : { alive }),
    });
    const expression: Expression = { kind: 'rule', id: rule.id };
    bySource.set(id, expression);
    waiting.push({ rule, body: () => (origin === undefined ? never : bodyFrom(origin)) });
    return expression;
  }

  function translate(expression: Expression): Expression {
    switch (expression.kind) {
      case 'rule':
        return reference(expression.id);
      case 'repeat':
        return { ...expression, item: translate(expression.item) };
      case 'sequence':
        return sequence(...expression.items.map(translate));
      case 'choice':
        return together(expression.items.map((item) => forms.prepend(item, undefined)));
      default:
        return expression;
    }
  }

  /** A rule of its own for a set of forms; a single form without a rule. */
  function emit(set: readonly (Form | undefined)[]): Expression {
    const distinct = [...new Set(set)];
    if (distinct.length < 2) return translate(expressionOf(distinct[0]));
    const key = keyOfSet(distinct);
    const known = bySet.get(key);
    if (known !== undefined) return known;
    const rule = made.declare();
    const expression: Expression = { kind: 'rule', id: rule.id };
    bySet.set(key, expression);
    waiting.push({ rule, body: () => together(distinct) });
    return expression;
  }

  /** The alternatives of a set, with common prefixes shared. */
  function together(set: readonly (Form | undefined)[]): Expression {
    steps += set.length;
    const kept = joinCounts(set);
    const ends = kept.includes(undefined) ? [empty] : [];
    return choice(...clusters(forms, kept).map(apart), ...ends);
  }

  function apart(cluster: Cluster): Expression {
    const alive = cluster.flatMap((group) => group.forms);
    const [group] = cluster;
    if (group === undefined) return empty;
    if (alive.length === 1) return translate(expressionOf(alive[0]));
    const spent = steps > mostSteps || bySet.size > mostSets;
    if (spent || alive.some((form) => form.length > longestForm))
      return choice(...alive.map((form) => translate(expressionOf(form))));
    if (cluster.every(({ head }) => isTerminal(head))) {
      return choice(...ways(forms, alive).map((way) => sequence(way.read, emit(way.rests))));
    }
    const nested = absorbed(cluster);
    if (nested !== undefined) return together(nested);
    const grouped = cluster.map((one) => common(one));
    if (cluster.length === 1 || cluster.some((one) => isBlocks(one.head))) {
      return choice(...grouped.map((form) => translate(expressionOf(form))));
    }
    return together(
      cluster.flatMap((one, index) => {
        const form = grouped[index];
        return isTerminal(one.head) || form === undefined ? one.forms : forms.unfold(form);
      }),
    );
  }

  /**
   * `E x | (A | B | "null") y`, where E is `A | B`, becomes `E (x | y) | "null" y`. If E were opened and is recursive,
   * its alternatives would not become one reference again. Pydantic writes such pairs for a union and its Optional.
   * Undefined where the cluster has no such pair.
   */
  function absorbed(cluster: Cluster): readonly (Form | undefined)[] | undefined {
    for (const smaller of cluster) {
      const inner = alternativesOf(smaller.head);
      if (inner.size < 2) continue;
      for (const larger of cluster) {
        const outer = alternativesOf(larger.head);
        if (
          larger === smaller ||
          outer.size <= inner.size ||
          [...inner.keys()].some((key) => !outer.has(key))
        )
          continue;
        const others = [...outer].flatMap(([key, item]) => (inner.has(key) ? [] : [item]));
        const split = larger.forms.flatMap(({ next }) =>
          [smaller.head, ...others].map((item) => forms.prepend(item, next)),
        );
        return [...cluster.flatMap((one) => (one === larger ? [] : one.forms)), ...split];
      }
    }
    return undefined;
  }

  /** The alternatives of a rule that is a choice, by key. */
  function alternativesOf(head: Expression): ReadonlyMap<string, Expression> {
    const rule = head.kind === 'rule' ? forms.rule(head.id) : undefined;
    if (rule === undefined || rule.blocks === true || rule.body.kind !== 'choice') return new Map();
    return new Map(rule.body.items.map((item) => [forms.keyOf(item), item]));
  }

  /** The first symbol of a group, followed by a new rule for the rests of its forms. */
  function common({ head, forms: alike }: Cluster[number]): Form | undefined {
    const [only] = alike;
    if (alike.length === 1) return only;
    const rests = alike.map(({ next }) => next);
    const key = keyOfSet(rests);
    const rest = byRests.get(key) ?? forms.define(choice(...rests.map(expressionOf)));
    byRests.set(key, rest);
    if (rest.kind === 'rule') continuations.set(rest.id, rests);
    return forms.prepend(head, forms.prepend(rest, undefined));
  }

  /** `x{0,5} rest | x{3,9} rest` becomes `x{0,9} rest`. */
  function joinCounts(set: readonly (Form | undefined)[]): readonly (Form | undefined)[] {
    const byItem = new Map<string, Form[]>();
    for (const form of set) {
      if (form?.head.kind !== 'repeat') continue;
      const key = `${form.next?.id ?? ''}:${forms.keyOf(form.head.item)}`;
      byItem.set(key, [...(byItem.get(key) ?? []), form]);
    }
    const joined = new Map<Form, Form | undefined>();
    for (const alike of byItem.values()) {
      if (alike.length < 2) continue;
      let last: { min: number; max: number; members: Form[] } | undefined;
      const spans: (typeof last & object)[] = [];
      for (const form of alike.sort((a, b) => boundsOf(a).min - boundsOf(b).min)) {
        const { min, max } = boundsOf(form);
        if (last !== undefined && min <= last.max + 1) {
          last.max = Math.max(last.max, max);
          last.members.push(form);
        } else {
          last = { min, max, members: [form] };
          spans.push(last);
        }
      }
      for (const { min, max, members } of spans) {
        const [form] = members;
        if (form?.head.kind !== 'repeat') continue;
        const bounds = max === Number.POSITIVE_INFINITY ? {} : { max };
        const whole = forms.prepend({ kind: 'repeat', item: form.head.item, min, ...bounds }, form.next);
        for (const member of members) joined.set(member, whole);
      }
    }
    return [
      ...new Set(set.map((form) => (form !== undefined && joined.has(form) ? joined.get(form) : form))),
    ];
  }

  function isBlocks(head: Expression): boolean {
    return head.kind === 'rule' && forms.rule(head.id)?.blocks === true;
  }

  const [root] = source;
  if (root !== undefined) reference(root.id);
  // `body()` appends to the list.
  for (const { rule, body } of waiting) rule.body = body();
  return made.rules;

  function bodyFrom({ body, blocks }: Rule): Expression {
    return blocks === true && body.kind === 'choice' ? choice(...body.items.map(translate)) : translate(body);
  }
}

function boundsOf(form: Form): { readonly min: number; readonly max: number } {
  return form.head.kind === 'repeat'
    ? { min: form.head.min, max: form.head.max ?? Number.POSITIVE_INFINITY }
    : { min: 1, max: 1 };
}
