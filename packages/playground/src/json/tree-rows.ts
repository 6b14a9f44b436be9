import type { JsonNode } from './partial-json.ts';

/** One line of the tree. */
export interface TreeRow {
  /** The places that lead to it, `0.3`; a name of its own. */
  readonly path: string;
  readonly depth: number;
  /** The name of the member, or the number of the item. */
  readonly name?: string | undefined;
  /** Undefined: a member whose value has not begun. */
  readonly node?: JsonNode | undefined;
  readonly isFolded?: boolean;
  /** The row stands for so many children that are not shown. */
  readonly left?: number;
}

export interface TreeView {
  /** The nodes that are not as they are at first: folded or unfolded. */
  readonly toggled: ReadonlySet<string>;
  /** Children of a node that are shown. */
  readonly perNode: number;
  /** The last ones, where a node still grows; else the first ones. */
  readonly isLive: boolean;
}

/** Deeper nodes are folded at first. */
const openDepth = 8;
/** So deep, and so many rows, are shown at most; the text shows the rest. */
const maxDepth = 100;
export const maxRows = 2_000;

/** The rows of a value, one below the other: a hostile value is nested ten thousand times, and elements must not be. */
export function treeRows(root: JsonNode, { toggled, perNode, isLive }: TreeView): readonly TreeRow[] {
  const rows: TreeRow[] = [];
  const waiting: TreeRow[] = [{ path: '0', depth: 0, node: root }];
  for (let row = waiting.pop(); row !== undefined && rows.length < maxRows; row = waiting.pop()) {
    const { path, depth, node } = row;
    const children = node === undefined ? [] : childrenOf(node);
    if (children.length === 0) {
      rows.push(row);
      continue;
    }
    const isFolded = depth >= maxDepth || depth >= openDepth !== toggled.has(path);
    rows.push({ ...row, isFolded });
    if (isFolded) continue;
    const from = isLive ? Math.max(0, children.length - perNode) : 0;
    const shown: TreeRow[] = children
      .slice(from, from + perNode)
      .map(({ name, value }, at) => ({ path: `${path}.${from + at}`, depth: depth + 1, name, node: value }));
    const left = children.length - shown.length;
    const rest: TreeRow[] = left === 0 ? [] : [{ path: `${path}.…`, depth: depth + 1, left }];
    const below = isLive ? [...rest, ...shown] : [...shown, ...rest];
    waiting.push(...below.toReversed());
  }
  return rows;
}

function childrenOf(
  node: JsonNode,
): readonly { readonly name: string; readonly value: JsonNode | undefined }[] {
  if (node.kind === 'object') return node.members;
  if (node.kind === 'array') return node.items.map((value, at) => ({ name: String(at), value }));
  return [];
}
