import { createSecretKey, type KeyObject } from 'node:crypto';
import type { KeyBook, Owner, StoredKey } from '../storage/contract.ts';
import { signingSecretBytes } from '../storage/signing-secret.ts';

/** A stored key, as one of its hashes finds it. */
export interface KnownKey {
  readonly key: StoredKey;
  /** When this hash ends, because a rotation has replaced it; undefined for the hash in force. */
  readonly hashExpiresAtMs: number | undefined;
}

/** All stored keys and owners, and the signing secret, in the memory of a process that serves. */
export interface KeyMirror {
  find(hash: string): KnownKey | undefined;
  owner(id: string): Owner | undefined;
  /** As an object that shows its bytes in no log and no JSON. Undefined until the ledger has reported it. */
  signingSecret(): KeyObject | undefined;
  /** Takes over a change that the ledger has reported. */
  apply(book: KeyBook): void;
  /** Takes over a key that the ledger was asked for; one that is mirrored already is newer, and stays. */
  learn(key: StoredKey, owner: Owner | undefined): void;
}

export function createKeyMirror(): KeyMirror {
  const keys = new Map<string, StoredKey>();
  const byHash = new Map<string, KnownKey>();
  const owners = new Map<string, Owner>();
  let signingSecret: KeyObject | undefined;

  function put(key: StoredKey): void {
    for (const { hash } of keys.get(key.id)?.hashes ?? []) byHash.delete(hash);
    keys.set(key.id, key);
    for (const { hash, expiresAtMs } of key.hashes) byHash.set(hash, { key, hashExpiresAtMs: expiresAtMs });
  }

  return {
    find: (hash) => byHash.get(hash),
    owner: (id) => owners.get(id),
    signingSecret: () => signingSecret,
    apply(book) {
      for (const id of book.deletedOwners) owners.delete(id);
      for (const owner of book.owners) owners.set(owner.id, owner);
      for (const key of book.keys) put(key);
      if (book.signingSecret === undefined) return;
      const bytes = signingSecretBytes(book.signingSecret);
      signingSecret = bytes && createSecretKey(bytes);
    },
    learn(key, owner) {
      if (keys.has(key.id)) return;
      put(key);
      if (owner !== undefined && !owners.has(owner.id)) owners.set(owner.id, owner);
    },
  };
}
