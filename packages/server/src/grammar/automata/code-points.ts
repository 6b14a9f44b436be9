/** An inclusive range of code points. */
export type Range = readonly [from: number, to: number];

export const lastCodePoint = 0x10ffff;

/** The code points that a string of an answer may hold: all but the surrogates, which are no characters. */
export const scalarValues: readonly Range[] = [
  [0, 0xd7ff],
  [0xe000, lastCodePoint],
];

/** The same code points as sorted ranges that neither overlap nor touch. */
export function union(ranges: readonly Range[]): readonly Range[] {
  const joined: [number, number][] = [];
  for (const [from, to] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const last = joined.at(-1);
    if (last !== undefined && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else joined.push([from, to]);
  }
  return joined;
}

/** The code points up to U+10FFFF that are not in `ranges`. */
export function complement(ranges: readonly Range[]): readonly Range[] {
  const rest: Range[] = [];
  let next = 0;
  for (const [from, to] of union(ranges)) {
    if (from > next) rest.push([next, from - 1]);
    next = to + 1;
  }
  if (next <= lastCodePoint) rest.push([next, lastCodePoint]);
  return rest;
}

export function intersection(a: readonly Range[], b: readonly Range[]): readonly Range[] {
  return complement([...complement(a), ...complement(b)]);
}

export function contains(ranges: readonly Range[], codePoint: number): boolean {
  return ranges.some(([from, to]) => from <= codePoint && codePoint <= to);
}

/** The code points of a text. A lone surrogate counts as itself. */
export function codePointsOf(text: string): readonly number[] {
  return Array.from(text, (character) => character.codePointAt(0) ?? 0);
}
