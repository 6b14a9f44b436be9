import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import type { StoredKey } from '../storage/contract.ts';
import { createStoredKeys } from './stored-keys.ts';
import { createMemoryKeys, type MemoryKeys } from './testing/memory-keys.ts';

const key = (id: string, more: Partial<StoredKey> = {}): StoredKey => ({
  id,
  owner: 'acme',
  prefix: 'tr_…',
  hashes: [{ hash: `hash-of-${id}` }],
  createdAtMs: 0,
  ...more,
});
const create = (ledger: MemoryKeys, one: StoredKey) =>
  ledger.change({ type: 'create-key', key: one, atMs: 0 });
const never = new AbortController().signal;

function start(ledger = createMemoryKeys()) {
  let nowMs = 0;
  const stored = createStoredKeys({ ledger, now: () => nowMs });
  return {
    ledger,
    stored,
    pass: (ms: number) => {
      nowMs += ms;
    },
  };
}

describe('a mirrored key', () => {
  it('is found at once, with the changes that the ledger reports', async () => {
    const { ledger, stored } = start();
    await create(ledger, key('a'));
    await stored.follow(never, () => {});
    expect(stored.find('hash-of-a')).toMatchObject({ key: { id: 'a' } });
    expect(stored.owner('acme')).toMatchObject({ id: 'acme' });
    await ledger.change({ type: 'revoke-key', id: 'a', atMs: 7 });
    expect(stored.find('hash-of-a')).toMatchObject({ key: { revokedAtMs: 7 } });
    await ledger.change({ type: 'put-owner', owner: { id: 'acme', maxStreams: 3, createdAtMs: 0 }, atMs: 0 });
    expect(stored.owner('acme')).toMatchObject({ maxStreams: 3 });
    await ledger.change({ type: 'delete-owner', id: 'acme', atMs: 0 });
    expect(stored.owner('acme')).toBeUndefined();
    expect(ledger.calls).not.toContain('keyByHash');
  });

  it('is known by all hashes that it has, and by none that it had', async () => {
    const { ledger, stored } = start();
    await create(ledger, key('a', { hashes: [{ hash: 'new' }, { hash: 'old', expiresAtMs: 5 }] }));
    await stored.follow(never, () => {});
    expect(stored.find('old')).toMatchObject({ hashExpiresAtMs: 5 });
    await create(ledger, key('a', { hashes: [{ hash: 'newest' }] }));
    expect(stored.find('newest')).toMatchObject({ key: { id: 'a' } });
    expect(await stored.find('old')).toBe('unknown');
  });
});

describe('a key that the mirror does not have', () => {
  it('is asked for, and is mirrored from then on', async () => {
    const { ledger, stored } = start();
    await stored.follow(never, () => {});
    ledger.silent = true;
    await create(ledger, key('a'));
    expect(await stored.find('hash-of-a')).toMatchObject({ key: { id: 'a' } });
    expect(stored.owner('acme')).toMatchObject({ id: 'acme' });
    expect(stored.find('hash-of-a')).not.toBeInstanceOf(Promise);
  });

  it('is asked for once by all that wait, and again only a second later', async () => {
    const { ledger, stored, pass } = start();
    expect(await Promise.all([1, 2, 3].map(() => stored.find('wrong')))).toEqual([
      'unknown',
      'unknown',
      'unknown',
    ]);
    expect(stored.find('wrong')).toBe('unknown');
    expect(ledger.calls.filter((name) => name === 'keyByHash')).toHaveLength(1);
    pass(1_001);
    expect(await stored.find('wrong')).toBe('unknown');
    expect(ledger.calls.filter((name) => name === 'keyByHash')).toHaveLength(2);
  });

  it('is neither found nor denied while the store is away', async () => {
    const { ledger, stored } = start();
    ledger.away = true;
    expect(await stored.find('x')).toBe('unavailable');
    ledger.away = false;
    expect(await stored.find('x')).toBe('unknown');
  });

  it('of a store that hangs is given up after two seconds', async () => {
    vi.useFakeTimers();
    try {
      const { ledger, stored } = start();
      ledger.delay = () => new Promise(() => {});
      const answer = stored.find('x');
      await vi.advanceTimersByTimeAsync(2_000);
      expect(await answer).toBe('unavailable');
    } finally {
      vi.useRealTimers();
    }
  });

  it('a revocation that comes before the answer wins', async () => {
    const { ledger, stored } = start();
    await stored.follow(never, () => {});
    ledger.silent = true;
    await create(ledger, key('a'));
    ledger.silent = false;
    const gate = Promise.withResolvers<void>();
    const read = ledger.owner;
    // The key has been read, its owner not yet.
    ledger.owner = (id) => gate.promise.then(() => read(id));
    const answer = stored.find('hash-of-a');
    await delay(5);
    await ledger.change({ type: 'revoke-key', id: 'a', atMs: 7 });
    gate.resolve();
    expect(await answer).toMatchObject({ key: { revokedAtMs: 7 } });
  });
});

it('a flood of wrong keys asks the ledger for sixteen at once; most of the flood is refused', async () => {
  const { ledger, stored } = start();
  let open = 0;
  let most = 0;
  ledger.delay = async () => {
    open += 1;
    most = Math.max(most, open);
    await delay(1);
    open -= 1;
  };
  const answers = await Promise.all(
    Array.from({ length: 1_000 }, (_, index) => stored.find(`wrong-${index}`)),
  );
  expect(most).toBe(16);
  expect(answers.filter((one) => one === 'unknown')).toHaveLength(16 + 256);
  expect(answers.filter((one) => one === 'busy')).toHaveLength(1_000 - 16 - 256);
});

it('a mirror that cannot be read at first is read later', async () => {
  vi.useFakeTimers();
  try {
    const { ledger, stored } = start();
    ledger.away = true;
    const reports: unknown[] = [];
    const followed = stored.follow(never, (error) => reports.push(error));
    await vi.advanceTimersByTimeAsync(3_000);
    ledger.away = false;
    await create(ledger, key('a'));
    await vi.advanceTimersByTimeAsync(1_000);
    await followed;
    expect(reports).toHaveLength(1);
    expect(stored.find('hash-of-a')).toMatchObject({ key: { id: 'a' } });
  } finally {
    vi.useRealTimers();
  }
});
