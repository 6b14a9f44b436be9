/**
 * The type that a client wants most of those that are offered: by its weight, then by its place in the header. Of types that only a
 * wildcard allows, and without a header, the first that is offered.
 */
export function wantedType<Type extends string>(
  header: string | undefined,
  offered: readonly [Type, ...Type[]],
): Type {
  const ranges = (header ?? '*/*').toLowerCase().split(',').map(readRange);
  let best: Type = offered[0];
  let bestRank: readonly [number, number, number] = [0, 0, 0];
  for (const type of offered) {
    const at = ranges.findIndex(({ range }) => range === type);
    const group = `${type.slice(0, type.indexOf('/'))}/*`;
    const wild = ranges.findIndex(({ range }) => range === group || range === '*/*');
    const found = at >= 0 ? at : wild;
    if (found < 0) continue;
    const rank = [ranges[found]?.weight ?? 0, at >= 0 ? 1 : 0, at >= 0 ? -at : 0] as const;
    if (rank[0] > 0 && isHigher(rank, bestRank)) [best, bestRank] = [type, rank];
  }
  return best;
}

function readRange(text: string): { readonly range: string; readonly weight: number } {
  const [range = '', ...parameters] = text.split(';').map((part) => part.trim());
  const given = parameters.find((one) => one.startsWith('q='));
  const weight = given === undefined ? 1 : Number(given.slice(2));
  return { range, weight: Number.isFinite(weight) ? weight : 0 };
}

function isHigher(one: readonly number[], other: readonly number[]): boolean {
  const at = one.findIndex((value, place) => value !== other[place]);
  return at >= 0 && (one[at] ?? 0) > (other[at] ?? 0);
}
