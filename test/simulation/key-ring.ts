import type { Store, StoredKey } from '../../packages/server/src/storage/contract.ts';
import type { Dice } from '../../packages/server/src/upstreams/testing/dice.ts';

/** The keys of a world, and what each of their limits may be: as acknowledged, or as asked for without an answer. */
export interface KeyRing {
  readonly keys: readonly RingKey[];
  add(id: string, secret: string, owner: string): RingKey;
  /** A change was asked for. Call the result with whether it was acknowledged. */
  asked(key: RingKey, fields: object): (acknowledged: boolean) => void;
  /**
   * Complains where a limit of a stored key is none of what it may be. No change may be under way, and no store may carry one
   * out any more.
   */
  check(store: Store, complain: (what: string) => void): Promise<void>;
}

export interface RingKey {
  readonly id: string;
  readonly secret: string;
  readonly owner: string;
}

interface Possible {
  /** JSON of the value of each field, as the last change that was acknowledged alone has made it. */
  readonly known: Map<string, string>;
  /** Of changes without an answer, which the store may carry out late, and of those that overtook each other. */
  floating: { readonly field: string; readonly value: string }[];
  underWay: number;
}

const fieldNames = ['requests_per_minute', 'tokens_per_minute', 'max_streams', 'budget'] as const;

export function createKeyRing(): KeyRing {
  const keys = new Map<RingKey, Possible>();
  return {
    get keys() {
      return [...keys.keys()];
    },
    add(id, secret, owner) {
      const key = { id, secret, owner };
      keys.set(key, { known: new Map(fieldNames.map((name) => [name, 'null'])), floating: [], underWay: 0 });
      return key;
    },
    asked(key, fields) {
      const possible = keys.get(key);
      if (possible === undefined) throw new Error(`${key.id} is not on this ring`);
      const asked = Object.entries(fields).map(([field, value]) => ({ field, value: JSON.stringify(value) }));
      const alone = possible.underWay === 0;
      possible.underWay += 1;
      possible.floating.push(...asked);
      return (acknowledged) => {
        possible.underWay -= 1;
        if (!acknowledged || !alone || possible.underWay > 0) return;
        possible.floating = possible.floating.filter((one) => !asked.includes(one));
        for (const { field, value } of asked) possible.known.set(field, value);
      };
    },
    async check(store, complain) {
      for (const [{ id }, possible] of keys) {
        const stored = await store.key(id);
        for (const [field, found] of Object.entries(stored === undefined ? {} : limitsOf(stored))) {
          const values = possible.floating.filter((one) => one.field === field).map(({ value }) => value);
          const known = possible.known.get(field) ?? 'null';
          if (found === known || values.includes(found)) possible.known.set(field, found);
          else complain(`${field} of ${id} is ${found}, and may be ${[known, ...values].join(' or ')}`);
        }
        if (stored === undefined) complain(`${id} is lost`);
        if (possible.underWay === 0) possible.floating = [];
      }
    },
  };
}

/** Some limits, tight enough to refuse some requests. `null` removes one. */
export function drawLimits(dice: Dice): object {
  const fields: Record<string, unknown> = {};
  if (dice.chance(0.4)) fields['requests_per_minute'] = dice.pick([null, 20, 200]);
  if (dice.chance(0.4)) fields['tokens_per_minute'] = dice.pick([null, 2_000, 20_000]);
  if (dice.chance(0.4)) fields['max_streams'] = dice.pick([null, 1, 3]);
  if (dice.chance(0.6)) fields['budget'] = drawBudget(dice);
  return fields;
}

export function drawBudget(dice: Dice): object | null {
  if (dice.chance(0.25)) return null;
  const period = dice.pick(['day', 'month', 'total']);
  if (dice.chance(0.5)) return { tokens: dice.pick([200, 2_000, 20_000]), period };
  return { usd: dice.pick([0.0005, 0.005, 0.05]), period };
}

/** As the administration spells them. */
function limitsOf({
  requestsPerMinute,
  tokensPerMinute,
  maxStreams,
  budget,
}: StoredKey): Readonly<Record<string, string>> {
  const amount =
    budget === undefined || budget.unit === 'tokens'
      ? { tokens: budget?.limit }
      : { usd: budget.limit / 1_000_000 };
  return {
    requests_per_minute: JSON.stringify(requestsPerMinute ?? null),
    tokens_per_minute: JSON.stringify(tokensPerMinute ?? null),
    max_streams: JSON.stringify(maxStreams ?? null),
    budget: JSON.stringify(budget === undefined ? null : { ...amount, period: budget.period }),
  };
}
