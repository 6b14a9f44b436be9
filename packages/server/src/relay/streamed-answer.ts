import type { UsageEvent } from '../domain/stream-event.ts';
import { commits } from '../domain/stream-event.ts';
import type { PayloadReceiver, StreamEncoder } from '../wire/contract.ts';
import type { Answer, ServedBy } from './answer.ts';
import type { GuardedEvent } from './answer-guard.ts';
import type { Reader } from './reader.ts';
import type { RelayOutcome } from './relay-events.ts';

export interface StreamedAnswerOptions {
  readonly reader: Reader;
  readonly encoder: StreamEncoder;
  readonly signal: AbortSignal;
  /** Called at the commit, when it is known who serves. */
  served(fingerprint: string | undefined): ServedBy;
}

/** Events → payloads → reader. */
export class StreamedAnswer implements Answer, PayloadReceiver {
  private readonly reader: Reader;
  private readonly encoder: StreamEncoder;
  private readonly signal: AbortSignal;
  private readonly served: StreamedAnswerOptions['served'];
  private begun = false;
  /** The reader has asked for a pause. */
  private blocked = false;
  private fingerprint: string | undefined;
  /** Usage may come before the commit; the encoder hears it when there is one. */
  private early: UsageEvent | undefined;

  constructor({ reader, encoder, signal, served }: StreamedAnswerOptions) {
    this.reader = reader;
    this.encoder = encoder;
    this.signal = signal;
    this.served = served;
  }

  take(event: GuardedEvent, last: boolean): Promise<void> | undefined {
    if (!this.begun && !this.begin(event)) return undefined;
    this.encoder.encode(event, this);
    if (last) {
      this.reader.end(this.encoder.end);
      return undefined;
    }
    return this.blocked ? this.drained() : undefined;
  }

  event(payload: string): void {
    if (!this.reader.event(payload)) this.blocked = true;
  }

  close(outcome: RelayOutcome): RelayOutcome {
    const { status, failure } = outcome;
    const { encoder, reader } = this;
    // Of a whole answer the reader has had the end in `take`.
    if (status === 'completed') return outcome;
    if (failure === undefined) reader.abandon();
    else reader.fail(failure, () => encoder.fail(failure));
    return outcome;
  }

  /** The head goes out with the first event that commits; what comes before it waits. */
  private begin(event: GuardedEvent): boolean {
    if (event.type === 'start') this.fingerprint = event.fingerprint;
    if (event.type === 'usage') this.early = event;
    if (!commits(event)) return false;
    this.begun = true;
    const { encoder, reader } = this;
    const served = this.served(this.fingerprint);
    reader.begin({ target: served.target, keepalive: () => encoder.keepalive() });
    encoder.begin(served, this);
    if (this.early !== undefined) encoder.encode(this.early, this);
    return true;
  }

  private async drained(): Promise<void> {
    await this.reader.drained(this.signal);
    this.blocked = false;
  }
}
