import { wholeAnswerTooLarge } from '../domain/answer-size.ts';
import type { PhaseTimes } from '../domain/stream-event.ts';
import type { AnswerCollector } from '../wire/contract.ts';
import type { Answer, AnswerOwner } from './answer.ts';
import type { GuardedEvent } from './answer-guard.ts';
import type { Reader } from './reader.ts';
import type { RelayOutcome } from './relay-events.ts';

/** Collects the events into one JSON body. The reader gets the head and the body together, once the answer is whole. */
export class CollectedAnswer implements Answer {
  private readonly owner: AnswerOwner;
  private readonly reader: Reader;
  private readonly collector: AnswerCollector;
  private fingerprint: string | undefined;
  private phases: PhaseTimes | undefined;
  private tooLarge = false;

  constructor(owner: AnswerOwner, reader: Reader, collector: AnswerCollector) {
    this.owner = owner;
    this.reader = reader;
    this.collector = collector;
  }

  take(event: GuardedEvent): undefined {
    if (event.type === 'start') {
      this.fingerprint = event.fingerprint;
      this.phases = event.phases;
    }
    if (this.tooLarge || this.collector.add(event)) return;
    this.tooLarge = true;
    this.owner.tooLarge(wholeAnswerTooLarge());
  }

  close(relayed: RelayOutcome): RelayOutcome {
    const { reader, collector, owner } = this;
    const outcome = this.asClientSees(relayed);
    if (outcome.status === 'completed') {
      const identity = owner.served(this.fingerprint);
      reader.begin({ target: identity.target, phases: this.phases, keepalive: () => undefined });
      reader.end(collector.body(identity));
    } else if (outcome.failure === undefined) reader.abandon();
    else reader.fail(outcome.failure, () => '');
    return outcome;
  }

  /**
   * The client receives nothing of an answer that is not whole. So the outcome has no usage, and its status is `failed`
   * where it was `cut`. What an answer that the client ended itself has produced, the run adds from its attempts.
   */
  private asClientSees(relayed: RelayOutcome): RelayOutcome {
    const { usage: _usage, ...unseen } = relayed;
    if (this.tooLarge) return { ...unseen, status: 'failed', failure: wholeAnswerTooLarge() };
    if (relayed.status === 'completed') return relayed;
    return relayed.status === 'cut' ? { ...unseen, status: 'failed' } : unseen;
  }
}
