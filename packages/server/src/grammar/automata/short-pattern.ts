import type { Pattern } from './pattern-parser.ts';

/** How often a repetition may come at most: one without others in it, and one of others. */
interface Bound {
  readonly leaf: number;
  readonly outer: number;
}

const leaves = [512, 256, 128, 64, 32, 16, 8, 4, 2, 1];
const unbounded: Bound = { leaf: Number.POSITIVE_INFINITY, outer: Number.POSITIVE_INFINITY };
/** Tried in this order: shorter words before fewer than four of them. */
const bounds: readonly Bound[] = [
  unbounded,
  ...[
    [8, 7, 6, 5, 4],
    [3, 2, 1],
  ].flatMap((counts) => leaves.flatMap((leaf) => counts.map((outer) => ({ leaf, outer })))),
];

/**
 * A pattern all of whose texts match `pattern` and have `min` to `max` characters: its repetitions end sooner, so that
 * no length has to be counted beside them. A host's pattern has a hundred states, and each times 253 lengths is beyond
 * what is enforced. Undefined where it is not anchored at both ends, or cannot be made to fit.
 */
export function shortPattern(pattern: Pattern, min: number, max: number): Pattern | undefined {
  if (pattern.kind !== 'sequence' || pattern.items.length < 2) return undefined;
  const [start] = pattern.items;
  const inner = pattern.items.slice(1, -1);
  if (start?.kind !== 'start' || pattern.items.at(-1)?.kind !== 'end' || inner.some(hasAnchor)) {
    return undefined;
  }
  if (lengthOf(pattern, 'shortest') < min) return undefined;
  for (const bound of bounds) {
    const short = bounded(pattern, bound);
    if (lengthOf(short, 'longest') <= max) return short;
  }
  return undefined;
}

function hasAnchor(pattern: Pattern): boolean {
  switch (pattern.kind) {
    case 'start':
    case 'end':
      return true;
    case 'characters':
      return false;
    case 'repeat':
      return hasAnchor(pattern.item);
    default:
      return pattern.items.some(hasAnchor);
  }
}

function repeats(pattern: Pattern): boolean {
  if (pattern.kind === 'repeat') return pattern.max !== 1 || repeats(pattern.item);
  return 'items' in pattern && pattern.items.some(repeats);
}

function bounded(pattern: Pattern, bound: Bound): Pattern {
  if ('items' in pattern) {
    return { kind: pattern.kind, items: pattern.items.map((item) => bounded(item, bound)) };
  }
  if (pattern.kind !== 'repeat') return pattern;
  const { item, min } = pattern;
  const most = Math.min(pattern.max ?? Number.POSITIVE_INFINITY, repeats(item) ? bound.outer : bound.leaf);
  const times = most === Number.POSITIVE_INFINITY ? {} : { max: Math.max(min, most) };
  return { kind: 'repeat', item: bounded(item, bound), min, ...times };
}

function lengthOf(pattern: Pattern, which: 'shortest' | 'longest'): number {
  switch (pattern.kind) {
    case 'start':
    case 'end':
      return 0;
    case 'characters':
      return 1;
    case 'repeat': {
      const times = which === 'shortest' ? pattern.min : (pattern.max ?? Number.POSITIVE_INFINITY);
      return times === 0 ? 0 : times * lengthOf(pattern.item, which);
    }
    case 'sequence':
      return pattern.items.reduce((sum, item) => sum + lengthOf(item, which), 0);
    default: {
      const lengths = pattern.items.map((item) => lengthOf(item, which));
      return which === 'shortest' ? Math.min(...lengths) : Math.max(...lengths);
    }
  }
}
