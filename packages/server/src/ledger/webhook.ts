import type { OutboxEvent, Store } from '../storage/contract.ts';
import { cloudEvent } from './cloud-event.ts';
import type { LedgerLog } from './ledger-log.ts';
import type { PostEvent, PostOutcome } from './webhook-post.ts';

/*
 * Delivers the events of the store's outbox: one request for each event, in their order, until the receiver has taken it.
 * An event that is refused delays those behind it; it is never dropped. The events wait in the store: here is one batch of
 * them at most, so a receiver that is away costs no memory and delays no record.
 *
 * Of the services that share a store, the one with the lease delivers. A killed one leaves events that were delivered and
 * not yet acknowledged; the next one repeats them. So delivery is at least once, and a receiver knows an event by its id.
 */

export interface Webhook {
  /** There may be new events. Without this they are found within a second. */
  wake(): void;
  /** What it does now. */
  state(): WebhookState;
  /** Ends a request under way, and gives the lease back. What was not acknowledged stays in the outbox. */
  close(): Promise<void>;
}

export interface WebhookState {
  /** False where another service that uses the store delivers. */
  readonly delivers: boolean;
  /** The event that was not taken, and that the others wait for. */
  readonly failing?: {
    readonly event: string;
    readonly reason: string;
    readonly tries: number;
    /** Unix milliseconds. */
    readonly nextTryAtMs: number;
  };
}

export interface WebhookOptions {
  readonly store: Pick<Store, 'outbox' | 'delivered' | 'lease'>;
  /** Different from that of every other service that uses the store. */
  readonly holder: string;
  /** The `source` of the events: where this service is. */
  readonly source: string;
  readonly post: PostEvent;
  readonly log: LedgerLog;
  /** Unix milliseconds, for the signatures. */
  now(): number;
  /** Milliseconds that no change of the system's clock moves, for what lasts. */
  monotonic(): number;
  /** From 0 to 1. */
  random(): number;
  /** Resolves after the time, or at once when the signal aborts. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
}

const leaseName = 'webhook';
/** Longer than one request (10 s) and one renewal together. */
const leaseMs = 30_000;
const renewMs = 10_000;
const pollMs = 1_000;
const storeAwayMs = 5_000;
const batchEvents = 50;
/** How long deliveries may stay unacknowledged while others follow. */
const acknowledgeMs = 1_000;

const firstRetryMs = 1_000;
/** A receiver that refuses an event (3xx, 4xx) must be changed by a person. */
const firstRetryOfRefusedMs = 15_000;
/** Longer waits would spare the receiver nothing, and a person who has mended it would wait for the next try. */
const longestRetryMs = 60_000;
const longestAskedMs = 300_000;

/** Starts to deliver. The owner closes it before the store. */
export function createWebhook(options: WebhookOptions): Webhook {
  const { store, holder, source, post, log, now, monotonic, random, wait } = options;
  const ending = new AbortController();
  const { signal } = ending;
  let waking = new AbortController();
  let heldSinceMs: number | undefined;
  let failing: WebhookState['failing'];

  /** Whether this service has the lease, for as long as a request may take. */
  async function hold(): Promise<boolean> {
    if (heldSinceMs !== undefined && monotonic() - heldSinceMs < renewMs) return true;
    // Before the call: the lease begins when the store has it.
    const askedMs = monotonic();
    heldSinceMs = (await store.lease(leaseName, holder, leaseMs)) ? askedMs : undefined;
    return heldSinceMs !== undefined;
  }

  async function deliver(events: readonly OutboxEvent[]): Promise<void> {
    let delivered: number[] = [];
    let acknowledgedMs = monotonic();
    async function acknowledge(): Promise<void> {
      acknowledgedMs = monotonic();
      if (delivered.length > 0) await store.delivered(delivered);
      delivered = [];
    }
    for (const event of events) {
      if (!(await hold()) || !(await untilTaken(event, acknowledge))) break;
      delivered.push(event.sequence);
      if (monotonic() - acknowledgedMs >= acknowledgeMs) await acknowledge();
    }
    await acknowledge();
  }

  /** False: this service ends, or has lost the lease. */
  async function untilTaken(event: OutboxEvent, acknowledge: () => Promise<void>): Promise<boolean> {
    const body = cloudEvent(event, source);
    for (let failures = 1; ; failures++) {
      const outcome = await post({ id: event.id, body, atMs: now() }, signal);
      if (outcome.type === 'taken') {
        failing = undefined;
        if (failures > 1) log.info('the webhook takes events again', { event: event.id, tries: failures });
        return true;
      }
      if (signal.aborted) return false;
      await acknowledge();
      const waitMs = retryMs(failures, outcome, random());
      report(event, outcome, failures, waitMs);
      const { reason } = outcome;
      failing = { event: event.id, reason, tries: failures, nextTryAtMs: now() + waitMs };
      if (!(await waitHolding(waitMs))) return false;
    }
  }

  function report(event: OutboxEvent, outcome: Failed, tries: number, waitMs: number): void {
    const more = { event: event.id, reason: outcome.reason, tries, retry_in_ms: waitMs };
    if (outcome.type === 'refused') {
      log.error('the webhook refuses an event; it is kept and tried again, and others wait behind it', more);
    } else {
      log.warn('the webhook has not taken an event; it is kept and tried again', more);
    }
  }

  async function waitHolding(ms: number): Promise<boolean> {
    const untilMs = monotonic() + ms;
    for (;;) {
      const leftMs = untilMs - monotonic();
      if (leftMs > 0) await wait(Math.min(leftMs, renewMs), signal);
      if (signal.aborted || !(await hold())) return false;
      if (leftMs <= renewMs) return true;
    }
  }

  async function turn(): Promise<void> {
    if (!(await hold())) {
      await wait(renewMs, signal);
      return;
    }
    if (signal.aborted) return;
    // Before the outbox is read: an event that comes after it aborts the wait.
    waking = new AbortController();
    const events = await store.outbox(batchEvents);
    if (events.length > 0) await deliver(events);
    else await wait(pollMs, waking.signal);
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      try {
        await turn();
      } catch {
        // The store is away, which the writer of records says in the log. The lease may be lost meanwhile.
        heldSinceMs = undefined;
        await wait(storeAwayMs, signal);
      }
    }
    if (heldSinceMs !== undefined) await store.lease(leaseName, holder, 0).catch(() => {});
  }

  const running = run();
  return {
    wake: () => waking.abort(),
    state: () => {
      const delivers = heldSinceMs !== undefined;
      return { delivers, ...(delivers && failing !== undefined ? { failing } : {}) };
    },
    close() {
      ending.abort();
      waking.abort();
      return running;
    },
  };
}

type Failed = Exclude<PostOutcome, { type: 'taken' }>;

/** Doubles with each failure, up to a minute, less up to a half at random; never before the receiver's `Retry-After`. */
function retryMs(failures: number, outcome: Failed, random: number): number {
  const firstMs = outcome.type === 'refused' ? firstRetryOfRefusedMs : firstRetryMs;
  const wholeMs = Math.min(longestRetryMs, firstMs * 2 ** Math.min(failures - 1, 20));
  const askedMs = Math.min(longestAskedMs, outcome.retryAfterMs ?? 0);
  return Math.max(askedMs, Math.round(wholeMs * (1 - random / 2)));
}
