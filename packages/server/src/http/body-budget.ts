/**
 * Bytes of all requests in one account: what is bounded for one body is not bounded for a thousand of them. One such
 * account is of bodies that are being received or decoded, another of what requests hold until they end.
 *
 * Keys share it by what is left: a key may hold as much as is free, so that one key alone gets half of all, the
 * next one half of the rest, and small bodies of other keys still pass while one key has filled its share.
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
  /** Whether this body could hold that many bytes if it were the only one. */
  everFits(bytes: number): boolean;
  /** Makes this body hold that many bytes. False where the key has no room for them: then nothing has changed. */
  resize(bytes: number): boolean;
  /** Gives everything back; may be called more than once. */
  release(): void;
}

/** Twelve bodies of the default `max_body`, six of them of one key. */
const leastBytes = 128 * 1024 ** 2;

/** What all bodies may hold together. Half of it is one key's, and takes two of the largest bodies. */
export function budgetFor(maxBodyBytes: number): number {
  return Math.max(leastBytes, 4 * maxBodyBytes);
}

/**
 * What requests under way may hold together (`wire/held-bytes.ts`), of a heap that ends the process when it is full: half
 * of it. The other half is for what a parse leaves behind and for answers.
 */
export function heldBudgetFor(heapLimitBytes: number): number {
  return heapLimitBytes / 2;
}

/** `capacityBytes` may change; what is held already stays held. */
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
