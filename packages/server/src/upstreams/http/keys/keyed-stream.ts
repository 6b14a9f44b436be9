import type { BatchReceiver } from '../../../domain/batches.ts';
import type { Failure } from '../../../domain/failure.ts';
import { commits, type EventBatch } from '../../../domain/stream-event.ts';
import type { EventStream } from '../../contract.ts';
import type { KeyTurn, UpstreamKeys } from './upstream-keys.ts';

/** Opens the answer to one request, sent with these headers. */
type Ask = (headers: KeyTurn['requestHeaders']) => EventStream;

/**
 * The answer of an upstream with several keys. Where the provider refuses or limits a key before output, the same request is
 * sent again with the next key that does not rest, at most once for each key. So routing sees a failure only where no key is
 * left.
 *
 *     asking ──key refused, limited──▶ asking with the next key
 *        └──────output, another failure, no key left──▶ settled: each pull goes to the answer directly
 */
export function openKeyedStream(keys: UpstreamKeys, ask: Ask): EventStream {
  return new KeyedStream(keys, ask);
}

class KeyedStream implements EventStream, BatchReceiver {
  private readonly keys: UpstreamKeys;
  /** Holds the request: undefined once it is not sent again. */
  private ask: Ask | undefined;
  private turn: KeyTurn;
  private answer: EventStream;
  private asked = 1;
  private receiver: BatchReceiver | undefined;
  /** Events before output; by the grammar of events at most one `start`. */
  private held: EventBatch = [];
  /** The last failure for a limit: it passes with time, and so comes before that of a refused key. */
  private limited: Failure | undefined;
  private closed = false;

  constructor(keys: UpstreamKeys, ask: Ask) {
    this.keys = keys;
    this.ask = ask;
    this.turn = keys.take();
    this.answer = ask(this.turn.requestHeaders);
  }

  pull(receiver: BatchReceiver): void {
    if (this.ask === undefined) {
      this.answer.pull(receiver);
      return;
    }
    this.receiver = receiver;
    this.answer.pull(this);
  }

  async close(): Promise<void> {
    this.closed = true;
    this.ask = undefined;
    await this.answer.close();
  }

  batch(batch: EventBatch): void {
    const last = batch.at(-1);
    if (batch.some(commits)) {
      this.turn.accepted();
      this.settle([...this.held, ...batch]);
    } else if (last?.type !== 'failed') {
      this.held = [...this.held, ...batch];
      this.answer.pull(this);
    } else if (last.failure.upstreamKey === undefined) this.settle([...this.held, ...batch]);
    else this.keyFailed(last.failure, last.failure.upstreamKey);
  }

  end(): void {
    this.takeReceiver()?.end();
  }

  broke(bug: unknown): void {
    this.takeReceiver()?.broke(bug);
  }

  private keyFailed(reason: Failure, fault: NonNullable<Failure['upstreamKey']>): void {
    this.turn.failed(fault, reason.retryAfterMs);
    if (fault === 'limited') this.limited = reason;
    if (this.asked < this.keys.count && this.keys.dueInMs() === 0) {
      this.askAgain().catch((bug: unknown) => this.broke(bug));
      return;
    }
    const { limited } = this;
    // The key that is due first may be due before the one that was limited last.
    const failure =
      limited === undefined
        ? reason
        : { ...limited, retryAfterMs: Math.min(limited.retryAfterMs ?? Infinity, this.keys.dueInMs()) };
    this.settle([{ type: 'failed', failure }]);
  }

  private async askAgain(): Promise<void> {
    await this.answer.close();
    const { ask } = this;
    if (this.closed || ask === undefined) {
      this.end();
      return;
    }
    this.asked += 1;
    this.held = [];
    this.turn = this.keys.take();
    this.answer = ask(this.turn.requestHeaders);
    this.answer.pull(this);
  }

  private settle(batch: EventBatch): void {
    this.ask = undefined;
    this.held = [];
    this.takeReceiver()?.batch(batch);
  }

  private takeReceiver(): BatchReceiver | undefined {
    const { receiver } = this;
    this.receiver = undefined;
    return receiver;
  }
}
