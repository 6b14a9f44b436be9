import type { Pattern } from './pattern-parser.ts';

/** The most repetitions of one item: `leaf` for an item without repetitions in it, `outer` for an item with some. */
interface Bound {
  readonly leaf: number;
  readonly outer: number;
}

const leaves = [512, 256, 128, 64, 32, 16, 8, 4, 2, 1];
const unbounded: Bound = { leaf: Number.POSITIVE_INFINITY, outer: Number.POSITIVE_INFINITY };
/** In the order in which they are tried: first four and more words that get shorter, then fewer words. */
const bounds: readonly Bound[] = [
  unbounded,
  ...[
    [8, 7, 6, 5, 4],
    [3, 2, 1],
  ].flatMap((counts) => leaves.flatMap((leaf) => counts.map((outer) => ({ leaf, outer })))),
];

/**
 * A pattern whose texts all match `pattern` and have `min` to `max` characters: its repetitions have lower limits, so
 * the automaton need not count the length. The pattern of a host name has a hundred states; counting each of 253
 * lengths in each state would be more than the limits allow. Undefined where `pattern` is not anchored at both ends, or
 * no limits of repetitions make it short enough.
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
