import { choice, type Expression, sequence, text } from '../rules/expression.ts';
import type { RuleSet } from '../rules/rule-set.ts';

/** Entries in a tree of their keys; no key is a prefix of another. */
export interface KeyTree {
  /** One of the entries `from` to `to` (inclusive); a single derivation is alive until the keys differ. */
  between(from: number, to: number): Expression;
}

interface Node {
  /** The text from the parent to here. */
  readonly label: string;
  /** Indexes of the entries below, in ascending order. */
  readonly members: readonly number[];
  readonly children: readonly Node[];
}

/**
 * With a thousand optional properties there are up to a thousand choices behind each comma. As a list they would be as
 * many derivations, and with a tree of its own for each comma the grammar would have a million rules. Below a node only
 * the ranks of `from` and `to` among its entries matter, so the trees share their nodes: there are about as many rules
 * as the keys have letters.
 */
export function createKeyTree(
  rules: RuleSet,
  keys: readonly string[],
  rest: (index: number) => Expression,
): KeyTree {
  const known = new Map<Node, Map<string, Expression>>();
  const root = grow(
    keys,
    keys.map((_, index) => index),
    0,
  );

  function below(node: Node, from: number, to: number): Expression {
    const low = node.members.findIndex((index) => index >= from);
    const beyond = node.members.findIndex((index) => index > to);
    const high = (beyond < 0 ? node.members.length : beyond) - 1;
    const first = node.members[low];
    if (first === undefined || high < low) return choice();
    if (node.children.length === 0) return rest(first);
    const memory = known.get(node) ?? new Map<string, Expression>();
    known.set(node, memory);
    const key = `${low} ${high}`;
    const before = memory.get(key);
    if (before !== undefined) return before;
    const ways = node.children.map((child) => sequence(text(child.label), below(child, from, to)));
    const made = low === high ? choice(...ways.filter(isSome)) : rules.define(choice(...ways.filter(isSome)));
    memory.set(key, made);
    return made;
  }

  return { between: (from, to) => sequence(text(root.label), below(root, from, to)) };
}

function isSome(expression: Expression): boolean {
  return expression.kind !== 'choice' || expression.items.length > 0;
}

/** The tree of the keys of `members` behind their first `depth` units; each label is the longest common prefix. */
function grow(keys: readonly string[], members: readonly number[], depth: number): Node {
  const [first = 0] = members;
  const sample = keys[first] ?? '';
  let end = depth;
  while (end < sample.length && members.every((index) => keys[index]?.[end] === sample[end])) end += 1;
  // A label ends between characters, never within a surrogate pair.
  if (end < sample.length && /[\ud800-\udbff]/.test(sample[end - 1] ?? '')) end -= 1;
  if (members.length === 1) return { label: sample.slice(depth), members, children: [] };
  const groups = new Map<number, number[]>();
  for (const index of members) {
    const next = keys[index]?.codePointAt(end) ?? -1;
    const group = groups.get(next);
    if (group === undefined) groups.set(next, [index]);
    else group.push(index);
  }
  const children = [...groups.values()].map((group) => grow(keys, group, end));
  return { label: sample.slice(depth, end), members, children };
}
