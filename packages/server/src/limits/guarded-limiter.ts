import type {
  GuardedLimiter,
  LimitAsk,
  LimitDecision,
  Limiter,
  LimitLease,
  LimitScope,
  Windows,
} from './contract.ts';
import { createHeldBook } from './held-places.ts';

export interface GuardOptions {
  /** What it decides while the store is away: nothing (`deny`), or this replica's share of each limit. */
  readonly onStoreFailure: 'deny' | 'share';
  /** The replicas among which `share` divides each limit. */
  readonly replicas: number;
  /** The limiter of the share, in memory. */
  readonly share: Limiter;
  /** The store has failed; every decision from now on is made without it. Called once until `onBack`. */
  readonly onAway?: (thrown: unknown) => void;
  /** The store decides again. */
  readonly onBack?: () => void;
}

/** The time that the store has for an answer; contract section 5 gives 50 ms to the whole decision. */
const answerMs = 40;
/** A store that answers other calls is busy, not away; then a call may wait so long. */
const busyMs = 1_000;
/** A timer that fires so much too late: this thread was held up, and the call may just have left, or the machine was, and the store too. */
const heldUpMs = 10;
/** Between two questions whether a store that is away answers again. */
const probeMs = 1_000;

/**
 * Puts a guard around the limiter of a store that may be away; `close` closes both limiters.
 *
 *          a call fails, or the store says nothing for 40 ms
 *     ┌───────────────────────────────────────▶ away: decides at once, by the share or not at all;
 *   store                                         │   settlements are noted
 *     ▲                                           │
 *     └───────────────────────────────────────────┘
 *          a probe (one write, each second) is answered within 40 ms; running streams and missed settlements are restored
 *
 * The guard counts the running streams of each process itself, so the count in the store is right again after any loss: calls
 * take effect in their order, and the restore comes after every call whose outcome is unknown.
 */
export function guardLimiter(store: Limiter, options: GuardOptions): GuardedLimiter {
  return new Guard(store, options);
}

/** The answer did not come in time. The call itself may still take effect. */
const late = Symbol('late');

class Guard implements GuardedLimiter {
  private readonly store: Limiter;
  private readonly options: GuardOptions;
  private readonly held = createHeldBook();
  /** When the store has answered last. */
  private lastAnswerMs = Number.NEGATIVE_INFINITY;
  private away = false;
  private closed = false;
  private probing = false;
  private probes: NodeJS.Timeout | undefined;

  constructor(store: Limiter, options: GuardOptions) {
    this.store = store;
    this.options = options;
  }

  reachable(): boolean {
    return !this.away;
  }

  async take(ask: LimitAsk): Promise<LimitDecision | { readonly type: 'unavailable' }> {
    const { processId, scopes } = ask;
    if (this.away) return this.takeShare(ask);
    this.held.open(processId, scopes);
    const decision = await this.ask(
      () => this.store.take(ask),
      (tooLate) => {
        // The request has been answered without it.
        if (tooLate.type === 'allowed') this.quietly(this.store.settle(tooLate.lease, 'not-run'));
      },
    );
    if (decision === late) return this.takeShare(ask);
    this.held.answered(processId, scopes);
    if (decision.type === 'allowed') this.held.count(processId, scopes, 1);
    return decision;
  }

  async settle(lease: LimitLease, usedTokens: number | 'not-run'): Promise<void> {
    const { processId, scopes, reservedTokens } = lease;
    this.held.count(processId, scopes, -1);
    this.held.open(processId, scopes);
    const { share } = this.options;
    // What the other limiter knows of this lease is its stream, at most.
    const stream: LimitLease = { ...lease, scopes: onlyStreams(scopes), marks: [], reservedTokens: 0 };
    const shared = lease.share === true;
    if (shared) await this.quietly(share.settle(this.divided(lease), usedTokens));
    else if (this.away) await this.quietly(share.settle(stream, 0));

    const owed = shared ? 0 : (usedTokens === 'not-run' ? 0 : usedTokens) - reservedTokens;
    if (this.away) {
      this.held.owe(processId, scopes, owed);
      return;
    }
    const answered = await this.ask(() =>
      shared ? this.store.settle(stream, 0) : this.store.settle(lease, usedTokens),
    );
    if (answered !== late) this.held.answered(processId, scopes);
    // The settlement may have taken effect: tokens that are given back twice would exceed the limit.
    else this.held.owe(processId, scopes, Math.max(0, owed));
  }

  async look(scopes: readonly LimitScope[]): Promise<Windows> {
    if (this.away) return {};
    const windows = await this.ask(() => this.store.look(scopes));
    return windows === late ? {} : windows;
  }

  async beat(processId: string): Promise<void> {
    await this.quietly(this.options.share.beat(processId));
    if (!this.away) await this.ask(() => this.store.beat(processId));
  }

  async leave(processId: string): Promise<void> {
    this.held.forget(processId);
    await this.quietly(this.options.share.leave(processId));
    if (!this.away) await this.ask(() => this.store.leave(processId));
  }

  async close(): Promise<void> {
    this.closed = true;
    clearInterval(this.probes);
    await this.quietly(this.store.close());
    await this.quietly(this.options.share.close());
  }

  private async takeShare(ask: LimitAsk): Promise<LimitDecision | { readonly type: 'unavailable' }> {
    const { onStoreFailure, replicas, share } = this.options;
    if (onStoreFailure === 'deny') return { type: 'unavailable' };
    const decision = await share.take({ ...ask, scopes: divide(ask.scopes, replicas) });
    if (decision.type === 'refused') return decision;
    const lease: LimitLease = { ...decision.lease, scopes: ask.scopes, share: true };
    this.held.count(ask.processId, ask.scopes, 1);
    return { ...decision, lease };
  }

  private divided(lease: LimitLease): LimitLease {
    return { ...lease, scopes: divide(lease.scopes, this.options.replicas) };
  }

  /**
   * The answer of the store, or `late`: it has failed, or it takes too long, and from now on the store is away. `onLate` gets
   * an answer that comes after that.
   */
  private ask<T>(call: () => Promise<T>, onLate?: (answer: T) => void): Promise<T | typeof late> {
    return new Promise((resolve) => {
      let waits = true;
      const fail = (thrown: unknown): void => {
        if (!waits) return;
        waits = false;
        this.goAway(thrown);
        resolve(late);
      };
      const sentMs = performance.now();
      const check = (dueMs: number): void => {
        if (!waits) return;
        const nowMs = performance.now();
        const silentMs = nowMs - Math.max(sentMs, this.lastAnswerMs);
        if (nowMs - sentMs >= busyMs) fail(new Error(`no answer within ${Math.round(nowMs - sentMs)} ms`));
        else if (nowMs - dueMs > heldUpMs) arm(answerMs);
        else if (silentMs >= answerMs) fail(new Error(`no answer within ${Math.round(nowMs - sentMs)} ms`));
        else arm(answerMs - silentMs);
      };
      // Where this thread was busy the answer may lie in the socket, which is read after the timers and before the immediates.
      const arm = (ms: number): void => {
        const dueMs = performance.now() + ms;
        timer = setTimeout(() => setImmediate(check, dueMs), ms);
      };
      let timer: NodeJS.Timeout;
      arm(answerMs);
      call().then(
        (answer) => {
          clearTimeout(timer);
          this.lastAnswerMs = performance.now();
          if (!waits) {
            onLate?.(answer);
            return;
          }
          waits = false;
          resolve(answer);
        },
        (thrown: unknown) => {
          clearTimeout(timer);
          fail(thrown);
        },
      );
    });
  }

  private goAway(thrown: unknown): void {
    if (this.away || this.closed) return;
    this.away = true;
    if (this.options.onStoreFailure === 'share')
      this.quietly(
        this.options.share.restore(this.held.list().map((places) => ({ ...places, owedTokens: 0 }))),
      );
    this.probes = setInterval(() => this.probe(), probeMs).unref();
    this.options.onAway?.(thrown);
  }

  private probe(): void {
    if (this.probing) return;
    this.probing = true;
    const sentMs = performance.now();
    this.store.restore([]).then(
      () => {
        this.probing = false;
        // Later, because answers that came together with this one are still to be counted.
        if (performance.now() - sentMs <= answerMs) setImmediate(() => this.comeBack());
      },
      () => {
        this.probing = false;
      },
    );
  }

  private comeBack(): void {
    if (this.closed) return;
    clearInterval(this.probes);
    this.away = false;
    const held = this.held.list();
    this.held.restored();
    this.options.onBack?.();
    // Calls that follow take effect after it.
    this.store.restore(held).catch((thrown: unknown) => {
      this.held.missed(held);
      this.goAway(thrown);
    });
  }

  private async quietly(work: Promise<void>): Promise<void> {
    await work.catch(() => undefined);
  }
}

function onlyStreams(scopes: readonly LimitScope[]): readonly LimitScope[] {
  return scopes.flatMap(({ scope, maxStreams }) => (maxStreams === undefined ? [] : [{ scope, maxStreams }]));
}

/** The limits of one of several replicas: at least 1 where there is one at all. */
function divide(scopes: readonly LimitScope[], replicas: number): readonly LimitScope[] {
  const part = (limit: number): number => Math.max(Math.min(1, limit), Math.floor(limit / replicas));
  return scopes.map(({ scope, requestsPerMinute, tokensPerMinute, maxStreams }) => ({
    scope,
    ...(requestsPerMinute === undefined ? {} : { requestsPerMinute: part(requestsPerMinute) }),
    ...(tokensPerMinute === undefined ? {} : { tokensPerMinute: part(tokensPerMinute) }),
    ...(maxStreams === undefined ? {} : { maxStreams: part(maxStreams) }),
  }));
}
