import { clusters, isTerminal, keyOfSet, ways } from './form-groups.ts';
import { createForms, endBit, type Form } from './forms.ts';
import type { Rule } from './rule-set.ts';

/**
 * An upper bound of the derivations of one text that llama.cpp keeps at the same time. It keeps a stack for each and
 * tries every token of the vocabulary on each stack, so their number decides what a token costs: about a millisecond a
 * derivation with 49,000 tokens. Two recursive alternatives that begin alike double the number at each level.
 *
 * The algorithm follows sets of forms that are alive together. A rule with which all forms of a set begin is followed
 * once, and counts as often as the set has forms. A set that cannot be followed to its end counts as the sum of its
 * forms. So the counts are a system of equations; where recursion multiplies, it has no finite solution.
 *
 * The bound relies on a property of all grammars of this compiler: a complete JSON value is not a prefix of another one
 * that may stand in its place, except for numbers, and no character that may follow a number can continue it.
 */
export interface Derivations {
  /** `limit + 1` where the number is over `limit`. */
  readonly most: number;
  /** The place in the schema where the number is over `limit`. */
  readonly path?: string;
}

interface Node {
  readonly path: string | undefined;
  readonly constant: number;
  /** Each is a sum of other nodes; the value of this node is the largest of them. */
  readonly sums: Sum[];
  value: number;
  readonly users: Set<Node>;
}

interface Sum {
  readonly constant: number;
  readonly terms: readonly (readonly [node: Node, times: number])[];
}

/** A longer form is the sign of a recursion that would be opened for ever. */
const longestForm = 48;

/** `mostSteps`: the most forms that are followed in sets; from then on a set counts as the sum of its forms. */
export function derivations(rules: readonly Rule[], limit: number, mostSteps: number): Derivations {
  const forms = createForms(rules);
  const nodes = new Map<string, Node>();
  const waiting: (readonly [Node, readonly (Form | undefined)[]])[] = [];
  let steps = 0;

  function nodeOf(set: readonly (Form | undefined)[], path: string | undefined): Node {
    const key = keyOfSet(set);
    const known = nodes.get(key);
    if (known !== undefined) return known;
    const constant = [...new Set(set)].reduce((sum, form) => sum + forms.fan(form), 0);
    const node: Node = { path, constant, sums: [], value: 0, users: new Set() };
    nodes.set(key, node);
    waiting.push([node, [...new Set(set)]]);
    return node;
  }

  function add(node: Node, constant: number, ...terms: Sum['terms']): void {
    node.sums.push({ constant, terms });
    for (const [other] of terms) other.users.add(node);
  }

  function explore(node: Node, set: readonly (Form | undefined)[]): void {
    if (allApart(set)) {
      for (const form of set) walk(node, form);
      return;
    }
    for (const cluster of clusters(forms, set)) {
      const [group] = cluster;
      const alive = cluster.flatMap((one) => one.forms);
      if (group === undefined) continue;
      if (alive.length === 1) {
        walk(node, alive[0]);
        continue;
      }
      steps += alive.length;
      const rests = group.forms.map(({ next }) => next);
      if (cluster.length === 1 && !isTerminal(group.head) && rests.every((rest) => apart(group.head, rest))) {
        const alone = forms.prepend(group.head, undefined);
        add(node, 0, [nodeOf([alone], node.path), alive.length]);
        add(
          node,
          rests.reduce((sum, rest) => sum + forms.fan(rest) + forms.fan(alone), 0),
        );
        add(node, 0, [nodeOf(rests, node.path), 1]);
      } else if (steps > mostSteps || alive.some((form) => form.length > longestForm || isBlocks(form))) {
        add(node, 0, ...alive.map((form) => [nodeOf([form], node.path), 1] as const));
      } else if (cluster.every(({ head }) => isTerminal(head))) {
        for (const way of ways(forms, alive)) add(node, 0, [nodeOf(way.rests, node.path), 1]);
      } else {
        const opened = alive.flatMap((form) => (isTerminal(form.head) ? [form] : forms.unfold(form)));
        add(node, 0, [nodeOf(opened, node.path), 1]);
      }
    }
  }

  /** The ordinary case: the next character distinguishes all forms. */
  function allApart(set: readonly (Form | undefined)[]): boolean {
    let seen = 0n;
    for (const form of set) {
      const first = forms.first(form) & ~endBit;
      if ((seen & first) !== 0n) return false;
      seen |= first;
    }
    return true;
  }

  /** One form: its symbols are read one after the other, and only one is alive at a time. */
  function walk(node: Node, form: Form | undefined): void {
    for (let at = form; at !== undefined; at = at.next) {
      const { head, next } = at;
      if (isTerminal(head)) continue;
      if (!apart(head, next)) {
        if (steps > mostSteps) add(node, limit + 1);
        else add(node, 0, [nodeOf(forms.unfold(at), node.path), 1]);
        return;
      }
      add(node, 0, [unit(head, node.path), 1]);
      // The head may have ended or may continue: both are alive for one character.
      if (next !== undefined) add(node, forms.fan(forms.prepend(head, undefined)) + forms.fan(next));
    }
  }

  function knownNode(constant: number, path: string | undefined): Node {
    const key = `known ${constant}`;
    const node = nodes.get(key) ?? { path, constant, sums: [], value: 0, users: new Set() };
    nodes.set(key, node);
    return node;
  }

  function unit(head: Form['head'], path: string | undefined): Node {
    if (head.kind === 'repeat') return nodeOf([forms.prepend(head.item, undefined)], path);
    const rule = head.kind === 'rule' ? forms.rule(head.id) : undefined;
    if (rule?.alive !== undefined) return knownNode(rule.alive, path);
    const alone = forms.prepend(head, undefined);
    if (alone === undefined || rule?.blocks !== true) {
      return nodeOf(alone === undefined ? [] : forms.unfold(alone), rule?.path ?? path);
    }
    const known = nodes.get(`blocks ${rule.id}`);
    if (known !== undefined) return known;
    // Less than a block and a complete block are alive together; the former has ended where the next block begins.
    const node: Node = { path, constant: 2, sums: [], value: 0, users: new Set() };
    nodes.set(`blocks ${rule.id}`, node);
    const [fewer, more] = rule.body.kind === 'choice' ? rule.body.items : [];
    const [block, chain] = more?.kind === 'sequence' ? more.items : [];
    if (fewer !== undefined && block !== undefined)
      add(node, 0, [unit(fewer, path), 1], [unit(block, path), 1]);
    if (chain !== undefined) add(node, 0, [unit(chain, path), 1]);
    return node;
  }

  /** Whether the next character decides if `head` continues or `next` begins. */
  function apart(head: Form['head'], next: Form | undefined): boolean {
    if (head.kind === 'repeat' && head.min === head.max) return true;
    const alone = forms.first(forms.prepend(head, undefined));
    if (head.kind !== 'repeat' && (alone & endBit) === 0n) return true;
    return (alone & forms.first(next) & ~endBit) === 0n;
  }

  function isBlocks({ head }: Form): boolean {
    return head.kind === 'rule' && forms.rule(head.id)?.blocks === true;
  }

  const [root] = rules;
  const start = root === undefined ? undefined : forms.prepend({ kind: 'rule', id: root.id }, undefined);
  if (start === undefined) return { most: 0 };
  const top = nodeOf(forms.unfold(start), root?.path);
  // `explore` appends to the list.
  for (const [node, set] of waiting) explore(node, set);
  return solve([...nodes.values()], top, limit);
}

/**
 * The least solution of the equations: values start at 0 and grow until no equation changes, or one is over the
 * limit.
 */
function solve(nodes: readonly Node[], top: Node, limit: number): Derivations {
  // From the end: nodes that were found later are mostly terms of earlier ones.
  const waiting = new Set(nodes);
  const order = [...nodes];
  while (order.length > 0) {
    const node = order.pop();
    if (node === undefined || !waiting.delete(node)) continue;
    const value = node.sums.reduce(
      (most, { constant, terms }) =>
        Math.max(
          most,
          terms.reduce((sum, [other, times]) => sum + times * other.value, constant),
        ),
      node.constant,
    );
    if (value <= node.value) continue;
    node.value = value;
    if (value > limit) return { most: limit + 1, ...(node.path === undefined ? {} : { path: node.path }) };
    for (const user of node.users) {
      if (waiting.has(user)) continue;
      waiting.add(user);
      order.push(user);
    }
  }
  return { most: top.value };
}
