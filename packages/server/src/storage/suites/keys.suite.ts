import { describe, expect, test } from 'vitest';
import { newSigningSecret, signingSecretName } from '../signing-secret.ts';
import type { StoreCase } from '../testing/store-case.ts';
import { creation, morning, someKey } from '../testing/store-values.ts';

const noSuchPlace = { data: [], hasMore: false, unknownAfter: true };

export function testKeys(storeCase: StoreCase): void {
  describe('keys and owners', () => {
    test('a new store has the owner default and nothing else', async () => {
      const { clients } = await storeCase.open();
      const book = await clients[0].keysAfter(0);
      expect(book).toMatchObject({ keys: [], owners: [{ id: 'default' }], deletedOwners: [] });
      expect((await clients[1].owners({ limit: 10 })).data.map(({ id }) => id)).toEqual(['default']);
    });

    test('a key is found with every field that it was made with, and its owner is made with it', async () => {
      const { clients } = await storeCase.open();
      const key = someKey('key_a', {
        name: 'Grüße \u0000 \ud83d "x"',
        requestsPerMinute: 60,
        tokensPerMinute: 1000,
        maxStreams: 3,
        budget: { unit: 'usd', limit: 5_000_000, period: 'month' },
        models: ['acme/*'],
        expiresAtMs: morning + 1000,
        usageChunk: 'separate',
        metadata: { b: [1, { deep: null }], a: 1.5 },
      });
      expect(await clients[0].change(creation(key))).toEqual({ type: 'done', key, replayed: false });
      expect(await clients[1].key('key_a')).toEqual(key);
      expect(await clients[1].keyByHash('hash-of-key_a')).toEqual(key);
      expect(await clients[1].owner('acme')).toEqual({ id: 'acme', createdAtMs: morning });
      expect(await clients[1].keyByHash('hash-of-key_b')).toBeUndefined();
      expect(await clients[1].key('key_b')).toBeUndefined();
    });

    test('an id or a hash that is taken is a conflict', async () => {
      const { clients } = await storeCase.open();
      await clients[0].change(creation(someKey('key_a')));
      const conflict = { type: 'conflict', why: 'exists' };
      expect(await clients[1].change(creation(someKey('key_a', { hashes: [{ hash: 'new' }] })))).toEqual(
        conflict,
      );
      expect(
        await clients[1].change(creation(someKey('key_b', { hashes: [{ hash: 'hash-of-key_a' }] }))),
      ).toEqual(conflict);
    });

    test('fields are changed and removed one by one, and a key moves to an owner that is made', async () => {
      const { clients } = await storeCase.open();
      await clients[0].change(creation(someKey('key_a', { name: 'one', maxStreams: 3 })));
      const change = {
        type: 'update-key',
        id: 'key_a',
        fields: { name: null, requestsPerMinute: 5 },
        owner: 'other',
        atMs: morning,
      } as const;
      const changed = someKey('key_a', { owner: 'other', maxStreams: 3, requestsPerMinute: 5 });
      expect(await clients[0].change(change)).toEqual({ type: 'done', key: changed, replayed: false });
      expect(await clients[1].key('key_a')).toEqual(changed);
      expect(await clients[1].owner('other')).toBeDefined();
    });

    test('after a rotation the hash before lives on until the end of the overlap, and older ones no longer', async () => {
      const { clients } = await storeCase.open();
      await clients[0].change(creation(someKey('key_a')));
      const rotate = (hash: string, atMs: number, overlapUntilMs: number) =>
        clients[0].change({
          type: 'rotate-key',
          id: 'key_a',
          hash,
          prefix: `tr_${hash}`,
          overlapUntilMs,
          atMs,
        });
      await rotate('second', morning + 10, morning + 1000);
      await rotate('third', morning + 20, morning + 500);
      expect(await clients[1].key('key_a')).toMatchObject({
        prefix: 'tr_third',
        hashes: [
          { hash: 'third' },
          { hash: 'second', expiresAtMs: morning + 500 },
          { hash: 'hash-of-key_a', expiresAtMs: morning + 500 },
        ],
      });
      expect(await clients[1].keyByHash('hash-of-key_a')).toMatchObject({ id: 'key_a' });
      await rotate('fourth', morning + 30, morning + 30);
      expect(await clients[1].key('key_a')).toMatchObject({ hashes: [{ hash: 'fourth' }] });
      expect(await clients[1].keyByHash('third')).toBeUndefined();
    });

    test('a revoked key stays revoked since the first time and takes no changes', async () => {
      const { clients } = await storeCase.open();
      await clients[0].change(creation(someKey('key_a')));
      const revoked = someKey('key_a', { revokedAtMs: morning + 1 });
      const revoke = (atMs: number) => clients[0].change({ type: 'revoke-key', id: 'key_a', atMs });
      expect(await revoke(morning + 1)).toEqual({ type: 'done', key: revoked, replayed: false });
      expect(await revoke(morning + 2)).toEqual({ type: 'done', key: revoked, replayed: false });
      expect(await clients[0].change({ type: 'update-key', id: 'key_a', fields: {}, atMs: morning })).toEqual(
        { type: 'conflict', why: 'revoked' },
      );
    });

    test('what is not there is missing', async () => {
      const { clients } = await storeCase.open();
      for (const type of ['update-key', 'update-owner'] as const) {
        expect(await clients[0].change({ type, id: 'x', fields: {}, atMs: morning })).toEqual({
          type: 'missing',
        });
      }
      for (const type of ['revoke-key', 'delete-owner'] as const)
        expect(await clients[0].change({ type, id: 'x', atMs: morning })).toEqual({ type: 'missing' });
    });

    test('an owner is made, replaced, changed, and deleted once its keys are revoked', async () => {
      const { clients } = await storeCase.open();
      const [store] = clients;
      const owner = { id: 'team', name: 'Team', maxStreams: 2, createdAtMs: morning };
      const put = (atMs: number, maxStreams: number) =>
        store.change({ type: 'put-owner', owner: { id: 'team', maxStreams, createdAtMs: atMs }, atMs });
      expect(await store.change({ type: 'put-owner', owner, atMs: morning })).toEqual({
        type: 'done',
        owner,
        created: true,
        replayed: false,
      });
      expect(await put(morning + 5, 7)).toMatchObject({
        created: false,
        owner: { id: 'team', maxStreams: 7, createdAtMs: morning },
      });
      await store.change({
        type: 'update-owner',
        id: 'team',
        fields: { name: 'T', maxStreams: null },
        atMs: morning,
      });
      expect(await clients[1].owner('team')).toEqual({ id: 'team', name: 'T', createdAtMs: morning });
      await store.change(creation(someKey('key_t', { owner: 'team' })));
      const remove = () => store.change({ type: 'delete-owner', id: 'team', atMs: morning + 9 });
      expect(await remove()).toEqual({ type: 'conflict', why: 'has-keys' });
      await store.change({ type: 'revoke-key', id: 'key_t', atMs: morning + 8 });
      expect(await remove()).toEqual({ type: 'done', replayed: false });
      expect(await clients[1].owner('team')).toBeUndefined();
      expect(await remove()).toEqual({ type: 'missing' });
      expect(await put(morning + 20, 1)).toMatchObject({ created: true });
    });

    test('the owner default cannot be deleted', async () => {
      const { clients } = await storeCase.open();
      expect(await clients[0].change({ type: 'delete-owner', id: 'default', atMs: morning })).toEqual({
        type: 'conflict',
        why: 'has-keys',
      });
    });

    test('a reader gets each change once, also the deletion of an owner', async () => {
      const { clients } = await storeCase.open();
      await clients[0].change(creation(someKey('key_a')));
      const first = await clients[1].keysAfter(0);
      expect(first.keys.map(({ id }) => id)).toEqual(['key_a']);
      expect(first.owners.map(({ id }) => id).sort()).toEqual(['acme', 'default']);
      expect(await clients[1].keysAfter(first.version)).toEqual({
        version: first.version,
        keys: [],
        owners: [],
        deletedOwners: [],
      });
      await clients[0].change({ type: 'revoke-key', id: 'key_a', atMs: morning });
      await clients[0].change({ type: 'delete-owner', id: 'acme', atMs: morning });
      const second = await clients[1].keysAfter(first.version);
      expect(second.keys).toMatchObject([{ id: 'key_a', revokedAtMs: morning }]);
      expect(second.deletedOwners).toEqual(['acme']);
      expect(second.version).toBeGreaterThan(first.version);
    });

    test('a reader that follows the versions misses none of many changes at once', async () => {
      const { clients } = await storeCase.open();
      const seen = new Set<string>();
      let version = 0;
      let writing = true;
      const follow = async () => {
        const book = await clients[1].keysAfter(version);
        version = book.version;
        for (const { id } of book.keys) seen.add(id);
      };
      const reader = (async () => {
        while (writing) await follow();
      })();
      const ids = Array.from({ length: 40 }, (_, index) => `key_${index}`);
      await Promise.all(
        ids.map((id, index) => clients[index % 2 === 0 ? 0 : 1].change(creation(someKey(id)))),
      );
      writing = false;
      await reader;
      await follow();
      expect([...seen].sort()).toEqual([...ids].sort());
    });

    test('a repeated change answers what the first one answered, and changes nothing', async () => {
      const { clients } = await storeCase.open();
      const once = { key: 'idempotency', fingerprint: 'a' };
      const [first, second] = await Promise.all([
        clients[0].change(creation(someKey('key_a')), once),
        clients[1].change(creation(someKey('key_a')), once),
      ]);
      expect([first, second].map((written) => written.type === 'done' && written.replayed).sort()).toEqual([
        false,
        true,
      ]);
      const { version } = await clients[0].keysAfter(0);
      expect(await clients[0].change(creation(someKey('key_a')), once)).toMatchObject({
        type: 'done',
        replayed: true,
        key: { id: 'key_a' },
      });
      expect((await clients[1].keysAfter(version)).keys).toEqual([]);
      expect(await clients[1].change(creation(someKey('key_b')), { ...once, fingerprint: 'b' })).toEqual({
        type: 'conflict',
        why: 'once',
      });
      const nextDay = someKey('key_c', { createdAtMs: morning + 86_400_000 });
      expect(await clients[1].change(creation(nextDay), once)).toMatchObject({ replayed: false });
    });

    test('lists go page by page, keys newest first', async () => {
      const { clients } = await storeCase.open();
      for (const [index, id] of ['key_1', 'key_2', 'key_3', 'key_4'].entries()) {
        const owner = id === 'key_2' ? 'b' : 'a';
        await clients[0].change(
          creation(someKey(id, { owner, createdAtMs: morning + Math.floor(index / 2) })),
        );
      }
      const page = await clients[1].keys({ limit: 3 });
      expect(page.data.map(({ id }) => id)).toEqual(['key_4', 'key_3', 'key_2']);
      expect(page.hasMore).toBe(true);
      expect(await clients[1].keys({ limit: 3, after: 'key_2' })).toMatchObject({
        data: [{ id: 'key_1' }],
        hasMore: false,
      });
      expect((await clients[1].keys({ limit: 9, owner: 'a' })).data.map(({ id }) => id)).toEqual([
        'key_4',
        'key_3',
        'key_1',
      ]);
      expect(await clients[1].keys({ limit: 3, after: 'key_none' })).toEqual(noSuchPlace);
      expect(await clients[1].keys({ limit: 3, after: 'key_\0' })).toEqual(noSuchPlace);
      expect(await clients[1].keys({ limit: 3, owner: 'a\0' })).toEqual({ data: [], hasMore: false });
      expect(await clients[1].key('key_\0')).toBeUndefined();
      expect(await clients[1].owner('a\0')).toBeUndefined();
      for (const after of ['none', 'b\0', 'b'.repeat(5_000)])
        expect(await clients[1].owners({ limit: 2, after })).toEqual(noSuchPlace);
      expect(await clients[1].owners({ limit: 2 })).toMatchObject({
        data: [{ id: 'a' }, { id: 'b' }],
        hasMore: true,
      });
      expect(await clients[1].owners({ limit: 2, after: 'b' })).toMatchObject({
        data: [{ id: 'default' }],
        hasMore: false,
      });
      await clients[0].change({ type: 'revoke-key', id: 'key_2', atMs: morning });
      await clients[0].change({ type: 'delete-owner', id: 'b', atMs: morning });
      // A page goes on after an entry that has been deleted.
      expect(await clients[1].owners({ limit: 2, after: 'b' })).toMatchObject({ data: [{ id: 'default' }] });
    });

    test('the last use is noted once a minute, and is no change', async () => {
      const { clients } = await storeCase.open();
      await clients[0].change(creation(someKey('key_a')));
      const { version } = await clients[0].keysAfter(0);
      const used = async (atMs: number) => {
        await clients[0].touch([{ keyId: 'key_a', atMs }]);
        return (await clients[1].key('key_a'))?.lastUsedAtMs;
      };
      expect(await used(morning)).toBe(morning);
      expect(await used(morning + 59_000)).toBe(morning);
      expect(await used(morning + 60_000)).toBe(morning + 60_000);
      expect((await clients[1].keysAfter(version)).version).toBe(version);
    });

    test('a secret is made once for all', async () => {
      const { clients } = await storeCase.open();
      const made = await Promise.all([
        clients[0].secret('signing', () => 'one'),
        clients[1].secret('signing', () => 'two'),
      ]);
      expect(made[0]).toBe(made[1]);
      expect(await clients[1].secret('signing', () => 'three')).toBe(made[0]);
    });

    test('the signing secret is part of the book once it is made, and its rotation is a change', async () => {
      const { clients } = await storeCase.open();
      expect(await clients[0].keysAfter(0)).not.toHaveProperty('signingSecret');
      const made = await clients[0].secret(signingSecretName, newSigningSecret);
      const first = await clients[1].keysAfter(0);
      expect(first.signingSecret).toBe(made);
      const rotate = (secret: string) =>
        clients[0].change({ type: 'rotate-signing', secret, atMs: morning }, { key: 'k', fingerprint: 'f' });
      const secret = newSigningSecret();
      const written = await rotate(secret);
      expect(written).toEqual({ type: 'done', replayed: false });
      // Repeated, it replaces nothing.
      expect(await rotate(newSigningSecret())).toEqual({ type: 'done', replayed: true });
      expect(await clients[1].keysAfter(first.version)).toMatchObject({ keys: [], signingSecret: secret });
      const { version } = await clients[1].keysAfter(first.version);
      expect(await clients[1].keysAfter(version)).not.toHaveProperty('signingSecret');
      expect(await clients[1].secret(signingSecretName, newSigningSecret)).toBe(secret);
    });

    test('a signing secret that is rotated before it was made is the one that all have', async () => {
      const { clients } = await storeCase.open();
      const secret = newSigningSecret();
      await clients[0].change({ type: 'rotate-signing', secret, atMs: morning });
      expect(await clients[1].secret(signingSecretName, newSigningSecret)).toBe(secret);
    });

    test('one holder at a time has a lease', async () => {
      const { clients, pass } = await storeCase.open();
      expect(await clients[0].lease('webhook', 'a', 5_000)).toBe(true);
      expect(await clients[1].lease('webhook', 'b', 5_000)).toBe(false);
      expect(await clients[0].lease('webhook', 'a', 5_000)).toBe(true);
      expect(await clients[0].lease('webhook', 'a', 0)).toBe(true);
      expect(await clients[1].lease('webhook', 'b', 5_000)).toBe(true);
      await pass(6_000);
      expect(await clients[0].lease('webhook', 'a', 5_000)).toBe(true);
    });

    test('a lease of a holder that has ended, taken by a clock that was a day ahead, holds up no other', async () => {
      const { clients, pass } = await storeCase.open();
      expect(await clients[0].lease('webhook', 'a', 5_000)).toBe(true);
      await pass(-4_000);
      expect(await clients[1].lease('webhook', 'b', 5_000)).toBe(false);
      await pass(-86_400_000);
      expect(await clients[1].lease('webhook', 'b', 0)).toBe(false);
      expect(await clients[1].lease('webhook', 'b', 5_000)).toBe(true);
      expect(await clients[0].lease('webhook', 'a', 5_000)).toBe(false);
    });
  });
}
