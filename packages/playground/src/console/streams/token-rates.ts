import type { LiveStreams } from './live-stream.ts';

/** How many tokens a stream had at some looks at the list, oldest first. */
interface Looks {
  readonly looks: readonly { readonly atMs: number; readonly tokens: number }[];
}

export type TokenRates = ReadonlyMap<string, Looks>;

/** Over how much time a rate is taken. */
const windowMs = 10_000;

export const noRates: TokenRates = new Map();

/** Adds a look at the list; streams that are no longer in it are forgotten. */
export function lookedAt(before: TokenRates, { streams, atMs }: LiveStreams): TokenRates {
  return new Map(
    streams.map(({ id, tokens }) => {
      const known = before.get(id)?.looks ?? [];
      if (known.at(-1)?.atMs === atMs) return [id, { looks: known }];
      const kept = known.filter((look) => look.atMs >= atMs - windowMs);
      return [id, { looks: [...kept, { atMs, tokens }] }];
    }),
  );
}

/** Tokens per second over the last looks; undefined before the second one. */
export function tokenRate(rates: TokenRates, id: string): number | undefined {
  const looks = rates.get(id)?.looks ?? [];
  const [first, last] = [looks[0], looks.at(-1)];
  if (first === undefined || last === undefined || last.atMs === first.atMs) return undefined;
  return Math.max(0, ((last.tokens - first.tokens) * 1_000) / (last.atMs - first.atMs));
}
