import { brokenInside } from '../domain/bug-failure.ts';
import type { Failure } from '../domain/failure.ts';
import type { StreamWriter } from '../journal/contract.ts';
import type { Head, Reader } from './reader.ts';

/**
 * The journal as the reader of a run: it keeps the payloads for the connections that follow. It never asks for a pause.
 * `errorEvent` makes the error event of the run's surface, for a bug that leaves none.
 */
export class KeptAnswer implements Reader {
  private readonly writer: StreamWriter;
  private readonly errorEvent: (reason: Failure) => string;

  constructor(writer: StreamWriter, errorEvent: (reason: Failure) => string) {
    this.writer = writer;
    this.errorEvent = errorEvent;
  }

  begin({ target, phases }: Head): void {
    this.writer.begin({
      ...(target === undefined ? {} : { target }),
      ...(phases === undefined ? {} : { phases }),
    });
  }

  event(payload: string): boolean {
    this.writer.event(payload);
    return true;
  }

  gather(): void {
    this.writer.gather();
  }

  flush(): boolean {
    this.writer.flush();
    return true;
  }

  drained(): Promise<void> {
    return Promise.resolve();
  }

  end(payload: string | undefined): void {
    this.writer.end(payload === undefined ? { type: 'whole' } : { type: 'whole', payload });
  }

  fail(reason: Failure, payload: () => string): void {
    this.writer.end({ type: 'torn', failure: reason, payload: payload() });
  }

  abandon(): void {
    this.writer.end({ type: 'torn', failure: brokenInside, payload: this.errorEvent(brokenInside) });
  }
}
