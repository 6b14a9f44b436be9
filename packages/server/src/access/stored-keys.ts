import type { KeyObject } from 'node:crypto';
import type { Ledger } from '../ledger/contract.ts';
import type { Owner } from '../storage/contract.ts';
import { createKeyMirror, type KnownKey } from './key-mirror.ts';
import { createKeyQuestions, type KeyAbsence } from './key-questions.ts';

/** The keys, the owners and the signing secret of the store, as a process that serves knows them. They outlive a reload. */
export interface StoredKeys {
  /** A promise only where the ledger has to be asked. It never rejects. */
  find(hash: string): KnownKey | KeyAbsence | Promise<KnownKey | KeyAbsence>;
  owner(id: string): Owner | undefined;
  /** The secret in force that signs addresses of streams; undefined until the store has been read. */
  signingSecret(): KeyObject | undefined;
  /** Notes that a key was used; does not wait. */
  touch(keyId: string, atMs: number): void;
  /**
   * Reads all keys and follows their changes. Resolves at the first success; until then it tries again each second, and calls
   * `onAway` at the first failure. Ends at `signal`. Never rejects.
   */
  follow(signal: AbortSignal, onAway: (error: unknown) => void): Promise<void>;
}

export interface StoredKeysOptions {
  readonly ledger: Pick<Ledger, 'keyByHash' | 'owner' | 'watchKeys' | 'touch'>;
  /** Monotonic milliseconds. */
  now(): number;
}

const retryMs = 1_000;

export function createStoredKeys({ ledger, now }: StoredKeysOptions): StoredKeys {
  const mirror = createKeyMirror();
  const questions = createKeyQuestions({ ledger, now });

  async function ask(hash: string): Promise<KnownKey | KeyAbsence> {
    const answer = await questions.ask(hash);
    if (typeof answer !== 'string') mirror.learn(answer.key, answer.owner);
    // The mirror may have learnt the key from another side meanwhile, or that it does not have this hash any more.
    return mirror.find(hash) ?? (typeof answer === 'string' ? answer : 'unknown');
  }

  return {
    find: (hash) => mirror.find(hash) ?? (questions.isUnknown(hash) ? 'unknown' : ask(hash)),
    owner: mirror.owner,
    signingSecret: mirror.signingSecret,
    touch: (keyId, atMs) => ledger.touch(keyId, atMs),
    async follow(signal, onAway) {
      for (let failures = 0; !signal.aborted; failures += 1) {
        try {
          return await ledger.watchKeys(mirror.apply);
        } catch (error) {
          if (failures === 0) onAway(error);
        }
        await pause(retryMs, signal);
      }
    },
  };
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    timer.unref();
    signal.addEventListener('abort', end);
  });
}

/** For a server without a store. */
export const noStoredKeys: StoredKeys = {
  find: () => 'unknown',
  owner: () => undefined,
  signingSecret: () => undefined,
  touch: () => {},
  follow: () => Promise.resolve(),
};
