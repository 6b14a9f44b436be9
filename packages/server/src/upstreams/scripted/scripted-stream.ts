import type { BatchReceiver } from '../../domain/batches.ts';
import type { EventStream } from '../contract.ts';
import type { Move } from './player.ts';

/** Injected, so that a test of a script that waits an hour takes no time. */
export interface ScriptClock {
  /** Resolves after that time, or as soon as `signal` is aborted; never rejects. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
}

export interface ScriptedCall {
  readonly moves: Iterator<Move, void, undefined>;
  readonly clock: ScriptClock;
  /** Called with the first pull. */
  onStart(): void;
  /** Called once, when a stream that was started is over. */
  onEnd(): void;
}

/** Plays moves: each pull brings the next batch, behind the pauses in front of it. */
export function openScriptedStream(call: ScriptedCall, signal: AbortSignal): EventStream {
  return new ScriptedStream(call, signal);
}

class ScriptedStream implements EventStream {
  private readonly call: ScriptedCall;
  private readonly signal: AbortSignal;
  /** `close()` has to end a pause, so it needs an abort of its own. */
  private readonly stop = new AbortController();
  private receiver: BatchReceiver | undefined;
  private started = false;
  private over: boolean;

  constructor(call: ScriptedCall, signal: AbortSignal) {
    this.call = call;
    this.signal = signal;
    this.over = signal.aborted;
    if (!this.over) signal.addEventListener('abort', this.finish);
  }

  pull(receiver: BatchReceiver): void {
    this.receiver = receiver;
    if (!this.started && !this.over) {
      this.started = true;
      this.call.onStart();
    }
    this.play();
  }

  async close(): Promise<void> {
    this.finish();
  }

  /** Ends the stream, and the pull that waits. */
  private readonly finish = (): void => {
    if (!this.over) {
      this.over = true;
      this.signal.removeEventListener('abort', this.finish);
      this.stop.abort();
      if (this.started) this.call.onEnd();
    }
    this.takeReceiver()?.end();
  };

  private play(): void {
    if (this.over) {
      this.finish();
      return;
    }
    let next: IteratorResult<Move, void>;
    try {
      next = this.call.moves.next();
    } catch (bug) {
      const receiver = this.takeReceiver();
      this.finish();
      receiver?.broke(bug);
      return;
    }
    if (next.done === true) this.finish();
    else this.make(next.value);
  }

  private make(move: Move): void {
    switch (move.do) {
      case 'emit':
        this.takeReceiver()?.batch(move.batch);
        return;
      case 'wait':
        void this.call.clock.wait(move.ms, this.stop.signal).then(() => this.play());
        return;
      case 'hang':
    }
  }

  private takeReceiver(): BatchReceiver | undefined {
    const { receiver } = this;
    this.receiver = undefined;
    return receiver;
  }
}
