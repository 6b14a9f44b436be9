import { wholeAnswerTooLarge } from '../domain/answer-size.ts';
import type { Failure } from '../domain/failure.ts';
import type { AnswerCollector } from '../wire/contract.ts';
import type { Answer, ServedBy } from './answer.ts';
import type { GuardedEvent } from './answer-guard.ts';
import type { Reader } from './reader.ts';
import type { RelayOutcome } from './relay-events.ts';

export interface CollectedAnswerOptions {
  readonly reader: Reader;
  readonly collector: AnswerCollector;
  /** Called once, when the answer exceeds the collector's bound. The callback must stop the run. */
  onTooLarge(reason: Failure): void;
  served(fingerprint: string | undefined): ServedBy;
}

/** Collects the events into one JSON body. The reader gets the head and the body together, once the answer is whole. */
export class CollectedAnswer implements Answer {
  private readonly options: CollectedAnswerOptions;
  private fingerprint: string | undefined;
  private tooLarge = false;

  constructor(options: CollectedAnswerOptions) {
    this.options = options;
  }

  take(event: GuardedEvent): undefined {
    if (event.type === 'start') this.fingerprint = event.fingerprint;
    if (this.tooLarge || this.options.collector.add(event)) return;
    this.tooLarge = true;
    this.options.onTooLarge(wholeAnswerTooLarge());
  }

  close(relayed: RelayOutcome): RelayOutcome {
    const { reader, collector, served } = this.options;
    const outcome = this.asClientSees(relayed);
    if (outcome.status === 'completed') {
      const identity = served(this.fingerprint);
      reader.begin({ target: identity.target, keepalive: () => undefined });
      reader.end(collector.body(identity));
    } else if (outcome.failure === undefined) reader.abandon();
    else reader.fail(outcome.failure, () => '');
    return outcome;
  }

  /**
   * The client receives nothing of an answer that is not whole. So the outcome has no usage, and its status is `failed`
   * where it was `cut`.
   */
  private asClientSees(relayed: RelayOutcome): RelayOutcome {
    const { usage: _usage, ...unseen } = relayed;
    if (this.tooLarge) return { ...unseen, status: 'failed', failure: wholeAnswerTooLarge() };
    if (relayed.status === 'completed') return relayed;
    return relayed.status === 'cut' ? { ...unseen, status: 'failed' } : unseen;
  }
}
