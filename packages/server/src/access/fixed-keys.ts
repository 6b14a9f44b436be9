import { timingSafeEqual } from 'node:crypto';
import { digestOfKey, shownPrefix } from './issued-key.ts';

/** A key of the configuration, of the environment, or of the first start. It has no limits of its own. */
export interface FixedKey {
  /** Derived from the key, so it is the same on every replica. */
  readonly id: string;
  readonly admin: boolean;
  /** For people; undefined for a key so short that its beginning would be a good part of it. */
  readonly prefix: string | undefined;
}

/** The fixed keys in force. It keeps digests only. */
export interface FixedKeys {
  /** Admin keys first. A key that is given twice is listed once. */
  readonly list: readonly FixedKey[];
  /** `digest`: SHA-256. Compares with every key, so that the time reveals nothing. */
  find(digest: Buffer): FixedKey | undefined;
}

/** A random key of 20 characters has 100 bits and more; the four shown ones are then no loss. */
const leastForPrefix = 20;

export function createFixedKeys(
  keys: { readonly apiKeys: readonly string[]; readonly adminKeys: readonly string[] },
  keyPrefix: string,
): FixedKeys {
  const known = new Map<string, { readonly digest: Buffer; readonly fixed: FixedKey }>();
  for (const [admin, texts] of [[true, keys.adminKeys] as const, [false, keys.apiKeys] as const]) {
    for (const key of texts) {
      const digest = digestOfKey(key);
      const id = `key_${digest.toString('hex').slice(0, 16)}`;
      const shown = key.startsWith(keyPrefix) && key.length >= keyPrefix.length + leastForPrefix;
      const prefix = shown ? shownPrefix(key, keyPrefix) : undefined;
      if (!known.has(id)) known.set(id, { digest, fixed: { id, admin, prefix } });
    }
  }
  const all = [...known.values()];
  return {
    list: all.map(({ fixed }) => fixed),
    find(given) {
      let found: FixedKey | undefined;
      for (const { digest, fixed } of all) if (timingSafeEqual(digest, given)) found ??= fixed;
      return found;
    },
  };
}
