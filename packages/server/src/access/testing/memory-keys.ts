import type { Ledger } from '../../ledger/contract.ts';
import type { KeyBook, Listed, OnceFor, Owner, Page, StoredKey, Written } from '../../storage/contract.ts';
import type { Change, KeyFields, OwnerFields } from '../../storage/keys.ts';
import { newSigningSecret } from '../../storage/signing-secret.ts';

export type KeyLedger = Pick<
  Ledger,
  'keyByHash' | 'key' | 'keys' | 'owner' | 'owners' | 'change' | 'watchKeys' | 'touch'
>;

/** The keys and owners of a ledger in memory, for tests. */
export interface MemoryKeys extends KeyLedger {
  /** While true every call rejects. */
  away: boolean;
  /** Resolves before each answer; a test may make calls wait. */
  delay: () => Promise<void>;
  /** The names of the calls. */
  readonly calls: string[];
  /** Whether watchers learn changes. */
  silent: boolean;
  /** The signing secret now. */
  readonly signingSecret: string;
}

export function createMemoryKeys(): MemoryKeys {
  const keys = new Map<string, StoredKey>();
  const owners = new Map<string, Owner>([['default', { id: 'default', createdAtMs: 0 }]]);
  const watchers: ((book: KeyBook) => void)[] = [];
  const done = new Map<string, { readonly fingerprint: string; readonly written: Written }>();
  let version = 0;
  let signingSecret = newSigningSecret();

  function touchOwner(id: string, atMs: number): Owner[] {
    if (owners.has(id)) return [];
    const owner = { id, createdAtMs: atMs };
    owners.set(id, owner);
    return [owner];
  }

  function publish(book: Partial<KeyBook>): void {
    version += 1;
    if (memory.silent) return;
    for (const watcher of watchers) watcher({ version, keys: [], owners: [], deletedOwners: [], ...book });
  }

  function putKey(key: StoredKey, newOwners: readonly Owner[] = []): Written {
    keys.set(key.id, key);
    publish({ keys: [key], owners: newOwners });
    return { type: 'done', key, replayed: false };
  }

  function putOwner(owner: Owner, created: boolean): Written {
    owners.set(owner.id, owner);
    publish({ owners: [owner] });
    return { type: 'done', owner, replayed: false, created };
  }

  function carryOut(change: Change): Written {
    const { atMs } = change;
    if (change.type === 'rotate-signing') {
      signingSecret = change.secret;
      publish({ signingSecret });
      return { type: 'done', replayed: false };
    }
    if (change.type === 'create-key') return putKey(change.key, touchOwner(change.key.owner, atMs));
    if (change.type === 'put-owner') return putOwner(change.owner, !owners.has(change.owner.id));
    if (change.type === 'update-owner' || change.type === 'delete-owner') {
      const owner = owners.get(change.id);
      if (owner === undefined) return { type: 'missing' };
      if (change.type === 'update-owner') return putOwner(withFields(owner, change.fields), false);
      const used = [...keys.values()].some((key) => key.owner === owner.id && key.revokedAtMs === undefined);
      if (used) return { type: 'conflict', why: 'has-keys' };
      owners.delete(owner.id);
      publish({ deletedOwners: [owner.id] });
      return { type: 'done', replayed: false };
    }
    const key = keys.get(change.id);
    if (key === undefined) return { type: 'missing' };
    if (change.type === 'revoke-key') return putKey({ ...key, revokedAtMs: key.revokedAtMs ?? atMs });
    if (key.revokedAtMs !== undefined) return { type: 'conflict', why: 'revoked' };
    if (change.type === 'update-key') {
      const owner = change.owner ?? key.owner;
      return putKey({ ...withFields(key, change.fields), owner }, touchOwner(owner, atMs));
    }
    const { hash, prefix, overlapUntilMs } = change;
    const hashes = [{ hash }, ...key.hashes.map((old) => ({ expiresAtMs: overlapUntilMs, ...old }))];
    return putKey({ ...key, prefix, hashes });
  }

  async function call<T>(name: string, work: () => T): Promise<T> {
    memory.calls.push(name);
    await memory.delay();
    if (memory.away) throw new Error('connect ECONNREFUSED 10.1.2.3:5432');
    return work();
  }

  const memory: MemoryKeys = {
    away: false,
    silent: false,
    delay: () => Promise.resolve(),
    get signingSecret() {
      return signingSecret;
    },
    calls: [],
    keyByHash: (hash) =>
      call('keyByHash', () => [...keys.values()].find((key) => key.hashes.some((one) => one.hash === hash))),
    key: (id) => call('key', () => keys.get(id)),
    keys: ({ owner, ...page }) =>
      call('keys', () =>
        listed(
          [...keys.values()].filter((key) => owner === undefined || key.owner === owner),
          page,
        ),
      ),
    owner: (id) => call('owner', () => owners.get(id)),
    owners: (page) => call('owners', () => listed([...owners.values()], page)),
    change: (change, once) => call('change', () => carryOutOnce(change, once)),
    watchKeys: (listener) =>
      call('watchKeys', () => {
        watchers.push(listener);
        const all = { keys: [...keys.values()], owners: [...owners.values()], deletedOwners: [] };
        listener({ version, ...all, signingSecret });
      }),
    touch: () => {
      memory.calls.push('touch');
    },
  };

  function carryOutOnce(change: Change, once: OnceFor | undefined): Written {
    const before = once === undefined ? undefined : done.get(once.key);
    if (before === undefined) {
      const written = carryOut(change);
      if (once !== undefined) done.set(once.key, { fingerprint: once.fingerprint, written });
      return written;
    }
    if (before.fingerprint !== once?.fingerprint) return { type: 'conflict', why: 'once' };
    return before.written.type === 'done' ? { ...before.written, replayed: true } : before.written;
  }

  return memory;
}

function listed<T extends { readonly id: string }>(all: readonly T[], { limit, after }: Page): Listed<T> {
  const sorted = all.toSorted((one, other) => (one.id < other.id ? -1 : 1));
  if (after !== undefined && !all.some(({ id }) => id === after))
    return { data: [], hasMore: false, unknownAfter: true };
  const rest = after === undefined ? sorted : sorted.filter(({ id }) => id > after);
  return { data: rest.slice(0, limit), hasMore: rest.length > limit };
}

function withFields<T extends StoredKey | Owner>(one: T, fields: KeyFields | OwnerFields): T {
  const next: Record<string, unknown> = { ...one };
  for (const [name, value] of Object.entries(fields)) {
    if (value === null) delete next[name];
    else if (value !== undefined) next[name] = value;
  }
  return next as unknown as T;
}
