import { isObject, listIn } from '../../api/json.ts';

/** What a budget allows, as the administration shows it and takes it. */
export type Budget =
  | { readonly tokens: number; readonly period: BudgetPeriod }
  | { readonly usd: number; readonly period: BudgetPeriod };
export type BudgetPeriod = 'day' | 'month' | 'total';

/** What a key and an owner have in common. Null: no limit of its own. */
export interface Limited {
  readonly id: string;
  readonly name: string | null;
  readonly models: readonly string[] | null;
  readonly requests_per_minute: number | null;
  readonly tokens_per_minute: number | null;
  readonly max_streams: number | null;
  readonly budget: Budget | null;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** RFC 3339, as all times here. */
  readonly created_at: string | null;
}

export type Owner = Limited;

export interface Key extends Limited {
  /** The beginning of the key. Null: it is not known. */
  readonly prefix: string | null;
  readonly owner: string;
  readonly fixed: boolean;
  readonly admin: boolean;
  readonly expires_at: string | null;
  readonly usage_chunk: 'inline' | 'separate' | null;
  readonly last_used_at: string | null;
  readonly revoked_at: string | null;
  readonly overlap_until: string | null;
}

export interface Page<Entry> {
  readonly data: readonly Entry[];
  readonly hasMore: boolean;
}

export function keysIn(body: unknown): Page<Key> {
  return pageOf(body, isKey);
}

export function ownersIn(body: unknown): Page<Owner> {
  return pageOf(body, (entry) => isObject(entry['metadata']));
}

export function keyIn(body: unknown): Key | undefined {
  return pageOf<Key>({ data: [body] }, isKey).data[0];
}

const isKey = (entry: Fields): boolean => typeof entry['owner'] === 'string';
type Fields = Readonly<Record<string, unknown>>;

/** The entries that have what tells them from others; the rest of their form is the contract's. */
function pageOf<Entry extends { readonly id: string }>(
  body: unknown,
  isOne: (entry: Fields) => boolean,
): Page<Entry> {
  const data = listIn(body);
  return {
    data: data.filter(
      (entry): entry is Entry => isObject(entry) && typeof entry['id'] === 'string' && isOne(entry),
    ),
    hasMore: isObject(body) && body['has_more'] === true,
  };
}

/** The name by which people know it. */
export function labelOf({ name, id }: Pick<Limited, 'name' | 'id'>): string {
  return name ?? id;
}

export type KeyState = 'active' | 'overlap' | 'expired' | 'revoked' | 'fixed';

/** `overlap`: the secret before the last rotation works too. */
export function stateOf(
  key: Pick<Key, 'fixed' | 'revoked_at' | 'expires_at' | 'overlap_until'>,
  nowMs: number,
): KeyState {
  const isPast = (time: string | null): boolean => time !== null && Date.parse(time) <= nowMs;
  if (key.fixed) return 'fixed';
  if (key.revoked_at !== null) return 'revoked';
  if (isPast(key.expires_at)) return 'expired';
  return key.overlap_until !== null && !isPast(key.overlap_until) ? 'overlap' : 'active';
}

/** Whether it can be changed here. */
export function isChangeable({ fixed, revoked_at: revokedAt }: Pick<Key, 'fixed' | 'revoked_at'>): boolean {
  return !fixed && revokedAt === null;
}

export const whyFixed =
  'It comes from the configuration, the environment or the first start, and is changed where it comes from.';
