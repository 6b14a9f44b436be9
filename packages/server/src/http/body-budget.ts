/**
 * Memory of all requests in one account: a bound for one body is no bound for a thousand of them. The server has two such
 * accounts: one of bodies that are being received or decoded, one of what requests hold until they end.
 *
 * Keys share it by what is left: a key may hold no more than what is free. So one key alone gets half of the account, the
 * next one half of what is left, and small bodies of other keys still pass while one key has filled its share.
 */
export interface BodyBudget {
  /** The account of one body; it holds nothing yet. The caller releases it. */
  open(keyId: string): BodyShare;
  /** Bytes that all bodies hold now. */
  held(): number;
}

export interface BodyShare {
  /** Whether this body could hold that many bytes now. */
  fits(bytes: number): boolean;
  /** Whether this body could hold that many bytes if no other body held any. */
  everFits(bytes: number): boolean;
  /** Makes this body hold that many bytes. False where the key has no room for them: then nothing has changed. */
  resize(bytes: number): boolean;
  /** Gives everything back; may be called more than once. */
  release(): void;
}

/** Room for twelve bodies of the default `max_body`, six of them of one key. */
const leastBytes = 128 * 1024 ** 2;

/** Bytes that all bodies may hold together. One key can have half of it, which is two of the largest bodies. */
export function budgetFor(maxBodyBytes: number): number {
  return Math.max(leastBytes, 4 * maxBodyBytes);
}

/**
 * Bytes that requests under way may hold together (`wire/held-bytes.ts`): half of the heap, because a full heap ends the
 * process. The other half is for the garbage of parsing and for answers.
 */
export function heldBudgetFor(heapLimitBytes: number): number {
  return heapLimitBytes / 2;
}

/** `capacityBytes` may change between calls; bodies keep what they hold. */
export function createBodyBudget(capacityBytes: () => number): BodyBudget {
  /** By key; no entry is 0. */
  const heldBy = new Map<string, number>();
  let heldInAll = 0;

  return {
    held: () => heldInAll,
    open(keyId) {
      let own = 0;

      const ofKeyWith = (more: number) => (heldBy.get(keyId) ?? 0) + more;

      function fits(bytes: number): boolean {
        const more = bytes - own;
        return more <= 0 || ofKeyWith(more) <= capacityBytes() - (heldInAll + more);
      }

      function resize(bytes: number): boolean {
        if (!fits(bytes)) return false;
        const more = bytes - own;
        const ofKey = ofKeyWith(more);
        own = bytes;
        heldInAll += more;
        if (ofKey === 0) heldBy.delete(keyId);
        else heldBy.set(keyId, ofKey);
        return true;
      }

      return {
        fits,
        everFits: (bytes) => 2 * bytes <= capacityBytes(),
        resize,
        release: () => void resize(0),
      };
    },
  };
}
