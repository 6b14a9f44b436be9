import type { Listed, Owner, Page, StoreReads } from '../../storage/contract.ts';
import type { Budget } from '../../storage/keys.ts';
import { type BudgetStanding, budgetStandings } from './budget-standing.ts';

/** The budget of one key or owner. `id` is its scope: `owner:acme`, `key:key_…`; the next page begins after it. */
export interface ListedBudget extends BudgetStanding {
  readonly id: string;
  readonly owner: string;
  /** Null for the budget of an owner. */
  readonly key_id: string | null;
  /** The name of the key or owner. */
  readonly name: string | null;
}

type Reads = Pick<StoreReads, 'keys' | 'owners' | 'owner' | 'spent'>;

interface Found {
  readonly scope: `key:${string}` | `owner:${string}`;
  readonly budget: Budget;
  readonly owner: string;
  readonly keyId: string | null;
  readonly name: string | null;
}

/** The entry that the list should begin after is not in it. */
type UnknownAfter = 'unknown-after';

/** How many keys or owners one call of the store returns. */
const pageSize = 200;

/** Budgets of owners first, then those of keys that are not revoked, each in the store's order. */
export async function listBudgets(
  reads: Reads,
  page: Page & { readonly owner?: string },
  nowMs: number,
): Promise<Listed<ListedBudget>> {
  const found: Found[] = [];
  for await (const one of scopesWithBudget(reads, page)) {
    if (one === 'unknown-after') return { data: [], hasMore: false, unknownAfter: true };
    found.push(one);
    if (found.length > page.limit) break;
  }
  const shown = found.slice(0, page.limit);
  const standings = await budgetStandings(reads, shown, nowMs);
  const data = shown.flatMap(({ scope, owner, keyId, name }, index) => {
    const standing = standings[index];
    return standing ? [{ id: scope, owner, key_id: keyId, name, ...standing }] : [];
  });
  return { data, hasMore: found.length > shown.length };
}

async function* scopesWithBudget(
  reads: Reads,
  { owner, after }: { readonly owner?: string; readonly after?: string },
): AsyncGenerator<Found | UnknownAfter> {
  const afterKey = after?.startsWith('key:') ? after.slice('key:'.length) : undefined;
  if (afterKey === undefined) {
    const afterOwner = after?.startsWith('owner:') ? after.slice('owner:'.length) : undefined;
    if (after !== undefined && afterOwner === undefined) yield 'unknown-after';
    for await (const one of owner === undefined
      ? everyPage((page) => reads.owners(page), afterOwner)
      : onlyOwner(reads, owner, afterOwner)) {
      if (one === 'unknown-after') {
        yield one;
        continue;
      }
      const { id, name = null, budget } = one;
      if (budget !== undefined) yield { scope: `owner:${id}`, budget, owner: id, keyId: null, name };
    }
  }
  const keys = everyPage(
    (page) => reads.keys({ ...page, ...(owner === undefined ? {} : { owner }) }),
    afterKey,
  );
  for await (const key of keys) {
    if (key === 'unknown-after') {
      yield key;
      continue;
    }
    const { id, name = null, budget, owner: ofOwner, revokedAtMs } = key;
    if (budget !== undefined && revokedAtMs === undefined)
      yield { scope: `key:${id}`, budget, owner: ofOwner, keyId: id, name };
  }
}

async function* onlyOwner(
  reads: Reads,
  id: string,
  after: string | undefined,
): AsyncGenerator<Owner | UnknownAfter> {
  if (after !== undefined && after !== id) yield 'unknown-after';
  const owner = after === undefined ? await reads.owner(id) : undefined;
  if (owner !== undefined) yield owner;
}

async function* everyPage<T extends { readonly id: string }>(
  read: (page: Page) => Promise<Listed<T>>,
  first: string | undefined,
): AsyncGenerator<T | UnknownAfter> {
  let after = first;
  for (;;) {
    const { data, hasMore, unknownAfter } = await read({
      limit: pageSize,
      ...(after === undefined ? {} : { after }),
    });
    if (unknownAfter === true) yield 'unknown-after';
    yield* data;
    after = data.at(-1)?.id;
    if (!hasMore || after === undefined) return;
  }
}
