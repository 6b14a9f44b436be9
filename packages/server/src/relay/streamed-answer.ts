import type { PhaseTimes, UsageEvent } from '../domain/stream-event.ts';
import { commits } from '../domain/stream-event.ts';
import type { PayloadReceiver, StreamEncoder } from '../wire/contract.ts';
import type { Answer, AnswerOwner } from './answer.ts';
import type { GuardedEvent } from './answer-guard.ts';
import type { Head, Reader } from './reader.ts';
import type { RelayOutcome } from './relay-events.ts';

/** Gives each event to the surface's encoder, and each payload of the encoder to the reader. It is the head of its reader too. */
export class StreamedAnswer implements Answer, PayloadReceiver, Head {
  target: string | undefined;
  phases: PhaseTimes | undefined;
  private readonly owner: AnswerOwner;
  private readonly reader: Reader;
  private readonly encoder: StreamEncoder;
  private committed = false;
  /** The reader has returned false: it takes no more until it has drained. */
  private blocked = false;
  private fingerprint: string | undefined;
  /** A usage that came before the commit. The encoder gets it at the commit. */
  private earlyUsage: UsageEvent | undefined;

  constructor(owner: AnswerOwner, reader: Reader, encoder: StreamEncoder) {
    this.owner = owner;
    this.reader = reader;
    this.encoder = encoder;
  }

  take(event: GuardedEvent, last: boolean): Promise<void> | undefined {
    if (!this.committed && !this.begin(event)) return undefined;
    this.encoder.encode(event, this);
    if (last) {
      this.reader.end(this.encoder.end);
      return undefined;
    }
    return this.blocked ? this.drained() : undefined;
  }

  gather(): void {
    this.reader.gather?.();
  }

  flush(): Promise<void> | undefined {
    const wasBlocked = this.blocked;
    if (this.reader.flush?.() === false) this.blocked = true;
    // The loop waits already where an event in between has blocked.
    return this.blocked && !wasBlocked ? this.drained() : undefined;
  }

  event(payload: string): void {
    if (!this.reader.event(payload)) this.blocked = true;
  }

  keepalive(): string | undefined {
    return this.encoder.keepalive();
  }

  close(outcome: RelayOutcome): RelayOutcome {
    const { status, failure } = outcome;
    const { encoder, reader } = this;
    // `take` has ended the reader of a whole answer.
    if (status === 'completed') return outcome;
    if (failure === undefined) reader.abandon();
    else reader.fail(failure, () => encoder.fail(failure));
    return outcome;
  }

  /**
   * Begins the reader at the first event that commits. Returns false for an event before the commit; of these only a
   * fingerprint, times and a usage are kept.
   */
  private begin(event: GuardedEvent): boolean {
    if (event.type === 'start') {
      this.fingerprint = event.fingerprint;
      this.phases = event.phases;
    }
    if (event.type === 'usage') this.earlyUsage = event;
    if (!commits(event)) return false;
    this.committed = true;
    const { encoder, reader } = this;
    const served = this.owner.served(this.fingerprint);
    this.target = served.target;
    reader.begin(this);
    encoder.begin(served, this);
    if (this.earlyUsage !== undefined) encoder.encode(this.earlyUsage, this);
    return true;
  }

  private async drained(): Promise<void> {
    await this.reader.drained(this.owner.signal);
    this.blocked = false;
  }
}
