import { wholeAnswerTooLarge } from '../domain/answer-size.ts';
import type { Failure } from '../domain/failure.ts';
import type { AnswerCollector } from '../wire/contract.ts';
import type { Passed } from './answer-guard.ts';
import type { Taker } from './drive.ts';

/** The twin of the stream's frames: the same events as one JSON body. It commits when it is complete. */
export class CollectedAnswer implements Taker {
  fingerprint: string | undefined;
  tooLarge = false;
  private readonly collector: AnswerCollector;
  private readonly onTooLarge: (reason: Failure) => void;

  constructor(collector: AnswerCollector, onTooLarge: (reason: Failure) => void) {
    this.collector = collector;
    this.onTooLarge = onTooLarge;
  }

  take(event: Passed): undefined {
    if (event.type === 'start') this.fingerprint = event.fingerprint;
    if (this.tooLarge || this.collector.add(event)) return;
    this.tooLarge = true;
    this.onTooLarge(wholeAnswerTooLarge());
  }
}
