import type { ServerResponse } from 'node:http';
import type { StreamFollower, StreamView } from '../../journal/contract.ts';
import { notQueued, type QueuedTimer, type TimerQueue } from '../../timers/timer-queue.ts';

/** `gone`: the client has closed the connection. */
export type Woken = 'changed' | 'late' | 'gone';

/**
 * A connection that follows a stream by waiting for its changes. While it lives the stream has a reader, so it keeps its run
 * alive. Its owner reads from the view what there is, and waits only where nothing is left to send: a change between the two
 * cannot be missed, because both stand in one turn of the event loop.
 */
export class StreamWatch implements StreamFollower, QueuedTimer {
  readonly own = false;
  dueMs = 0;
  place = notQueued;
  private readonly response: ServerResponse;
  private readonly timers: TimerQueue;
  private readonly leave: () => void;
  private wake: ((why: Woken) => void) | undefined;

  /** The owner calls {@link StreamWatch.end}. */
  constructor(view: StreamView, response: ServerResponse, timers: TimerQueue) {
    this.response = response;
    this.timers = timers;
    response.on('close', this.closed);
    this.leave = view.follow(this);
  }

  /** Waits for a change, for so many milliseconds at most. One call at a time. */
  wait(forMs: number): Promise<Woken> {
    if (this.response.destroyed) return Promise.resolve('gone');
    this.timers.start(this, forMs);
    return new Promise((resolve) => {
      this.wake = resolve;
    });
  }

  /** Resolves when the client takes more, or has left. */
  async drained(): Promise<void> {
    const { response } = this;
    if (response.destroyed || !response.writableNeedDrain) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        response.off('drain', done);
        response.off('close', done);
        resolve();
      };
      response.on('drain', done);
      response.on('close', done);
    });
  }

  end(): void {
    this.leave();
    this.timers.stop(this);
    this.response.off('close', this.closed);
  }

  more(): void {
    this.wakeUp('changed');
  }

  fire(): void {
    this.wakeUp('late');
  }

  private readonly closed = (): void => this.wakeUp('gone');

  private wakeUp(why: Woken): void {
    const { wake } = this;
    if (wake === undefined) return;
    this.wake = undefined;
    this.timers.stop(this);
    wake(why);
  }
}
