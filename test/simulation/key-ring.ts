import type { StoredKey, Store } from '../../packages/server/src/storage/contract.ts';
import type { Limits } from '../../packages/server/src/storage/keys.ts';
import type { Dice } from '../../packages/server/src/upstreams/testing/dice.ts';

/** The keys of a world, and what each of their limits may be: as acknowledged, or as asked for without an answer. */
export interface KeyRing {
  readonly keys: readonly RingKey[];
  add(id: string, secret: string, owner: string): RingKey;
  /** A change was asked for. Call the result with whether it was acknowledged. */
  asked(key: RingKey, fields: object): (acknowledged: boolean) => void;
  /** Complains where a stored key is none of what it may be. */
  check(store: Store, complain: (what: string) => void): Promise<void>;
}

export interface RingKey {
  readonly id: string;
  readonly secret: string;
  readonly owner: string;
  /** JSON of each possible state, as the administration spells it. */
  possible: readonly string[];
}

export function createKeyRing(): KeyRing {
  const keys: RingKey[] = [];
  const unanswered = new Map<RingKey, number>();
  return {
    keys,
    add(id, secret, owner) {
      const key = { id, secret, owner, possible: ['{}'] };
      keys.push(key);
      return key;
    },
    asked(key, fields) {
      const merged = key.possible.map((text) => spelt({ ...(JSON.parse(text) as object), ...fields }));
      key.possible = [...new Set([...key.possible, ...merged])];
      unanswered.set(key, (unanswered.get(key) ?? 0) + 1);
      return (acknowledged) => {
        const left = (unanswered.get(key) ?? 1) - 1;
        unanswered.set(key, left);
        // With another one under way, their order is unknown.
        if (acknowledged && left === 0) {
          key.possible = [...new Set(key.possible.map((text) => spelt({ ...(JSON.parse(text) as object), ...fields })))];
        }
      };
    },
    async check(store, complain) {
      for (const key of keys) {
        const stored = await store.key(key.id);
        const found = stored === undefined ? 'missing' : stateOf(stored);
        if (!key.possible.includes(found)) complain(`${key.id} is ${found}, and may be ${key.possible.join(' or ')}`);
        else if ((unanswered.get(key) ?? 0) === 0) key.possible = [found];
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

function stateOf({ requestsPerMinute, tokensPerMinute, maxStreams, budget }: Limits & Partial<StoredKey>): string {
  return spelt({
    requests_per_minute: requestsPerMinute ?? null,
    tokens_per_minute: tokensPerMinute ?? null,
    max_streams: maxStreams ?? null,
    budget:
      budget === undefined
        ? null
        : budget.unit === 'tokens'
          ? { tokens: budget.limit, period: budget.period }
          : { usd: budget.limit / 1_000_000, period: budget.period },
  });
}

/** Without removed members, in one order. */
function spelt(state: object): string {
  return JSON.stringify(
    Object.fromEntries(
      Object.entries(state)
        .filter(([, value]) => value !== null)
        .toSorted(([one], [other]) => (one < other ? -1 : 1)),
    ),
  );
}
