import type { Owner, StoredKey } from '../storage/contract.ts';

/** Why a key was not found. */
export type KeyAbsence =
  /** No such key is stored. */
  | 'unknown'
  /** The store does not answer. */
  | 'unavailable'
  /** Too many unknown keys are being asked for. */
  | 'busy';

/** Asks the ledger for keys that the mirror does not have: one that another replica made within the last second. */
export interface KeyQuestions {
  /** Whether the ledger has just answered that there is no such key. */
  isUnknown(hash: string): boolean;
  /** Never rejects. */
  ask(hash: string): Promise<FoundKey | KeyAbsence>;
}

export interface FoundKey {
  readonly key: StoredKey;
  readonly owner: Owner | undefined;
}

export interface KeyQuestionsOptions {
  readonly ledger: {
    keyByHash(hash: string): Promise<StoredKey | undefined>;
    owner(id: string): Promise<Owner | undefined>;
  };
  /** Monotonic milliseconds. */
  now(): number;
}

/** A wrong key that is sent again and again is asked for once in this time. */
const unknownMs = 1_000;
const maxUnknown = 10_000;
/** Keys that are asked for at the same time; the rest waits. Each sender of a wrong key could else fill the ledger's queue. */
const maxAtOnce = 16;
const maxWaiting = 256;
const answerMs = 2_000;

export function createKeyQuestions({ ledger, now }: KeyQuestionsOptions): KeyQuestions {
  /** By hash, until when there is no such key; oldest first. */
  const unknown = new Map<string, number>();
  const asked = new Map<string, Promise<FoundKey | KeyAbsence>>();
  const waiting: (() => void)[] = [];
  let atOnce = 0;

  function noteUnknown(hash: string): void {
    const at = now();
    for (const [old, untilMs] of unknown) {
      if (untilMs > at && unknown.size < maxUnknown) break;
      unknown.delete(old);
    }
    unknown.set(hash, at + unknownMs);
  }

  async function read(hash: string): Promise<FoundKey | KeyAbsence> {
    try {
      const key = await ledger.keyByHash(hash);
      if (key === undefined) {
        noteUnknown(hash);
        return 'unknown';
      }
      return { key, owner: await ledger.owner(key.owner) };
    } catch {
      return 'unavailable';
    }
  }

  /** The place is taken until the ledger has answered, also where no sender waits for the answer any more. */
  function begin(hash: string): Promise<FoundKey | KeyAbsence> {
    atOnce += 1;
    return read(hash).finally(() => {
      atOnce -= 1;
      waiting.shift()?.();
    });
  }

  function start(hash: string): Promise<FoundKey | KeyAbsence> {
    if (waiting.length >= maxWaiting) return Promise.resolve('busy');
    return new Promise((resolve) => {
      const begun = () => {
        void begin(hash).then((answer) => {
          clearTimeout(timer);
          resolve(answer);
        });
      };
      const timer = setTimeout(() => {
        const at = waiting.indexOf(begun);
        if (at >= 0) waiting.splice(at, 1);
        resolve('unavailable');
      }, answerMs);
      if (atOnce < maxAtOnce) begun();
      else waiting.push(begun);
    });
  }

  return {
    isUnknown: (hash) => (unknown.get(hash) ?? Number.NEGATIVE_INFINITY) > now(),
    ask(hash) {
      let answer = asked.get(hash);
      if (answer === undefined) {
        answer = start(hash).finally(() => asked.delete(hash));
        asked.set(hash, answer);
      }
      return answer;
    },
  };
}
