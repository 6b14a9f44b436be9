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
  return new Account(capacityBytes);
}

class Account implements BodyBudget {
  readonly capacityBytes: () => number;
  /** By key; no entry is 0. */
  private readonly heldBy = new Map<string, number>();
  private heldInAll = 0;

  constructor(capacityBytes: () => number) {
    this.capacityBytes = capacityBytes;
  }

  held(): number {
    return this.heldInAll;
  }

  open(keyId: string): BodyShare {
    return new Share(this, keyId);
  }

  fits(keyId: string, more: number): boolean {
    return more <= 0 || this.ofKeyWith(keyId, more) <= this.capacityBytes() - (this.heldInAll + more);
  }

  add(keyId: string, more: number): void {
    const ofKey = this.ofKeyWith(keyId, more);
    this.heldInAll += more;
    if (ofKey === 0) this.heldBy.delete(keyId);
    else this.heldBy.set(keyId, ofKey);
  }

  private ofKeyWith(keyId: string, more: number): number {
    return (this.heldBy.get(keyId) ?? 0) + more;
  }
}

/** A request holds one as long as its stream is open: as closures it took 424 bytes, as an object of a class 40. */
class Share implements BodyShare {
  private readonly account: Account;
  private readonly keyId: string;
  private own = 0;

  constructor(account: Account, keyId: string) {
    this.account = account;
    this.keyId = keyId;
  }

  fits(bytes: number): boolean {
    return this.account.fits(this.keyId, bytes - this.own);
  }

  everFits(bytes: number): boolean {
    return 2 * bytes <= this.account.capacityBytes();
  }

  resize(bytes: number): boolean {
    if (!this.fits(bytes)) return false;
    this.account.add(this.keyId, bytes - this.own);
    this.own = bytes;
    return true;
  }

  release(): void {
    this.resize(0);
  }
}
