import type { BatchReceiver } from '../../domain/batches.ts';
import type { EventStream } from '../contract.ts';
import type { Move } from './player.ts';

/** The clock of scripted pauses; with a fake one, a test of a script with long pauses takes no time. */
export interface ScriptClock {
  /** Resolves after `ms` milliseconds, or at once when `signal` is aborted; never rejects. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
}

/** What a scripted stream needs. */
export interface ScriptedCall {
  readonly moves: Iterator<Move, void, undefined>;
  readonly clock: ScriptClock;
  /** Called at the first pull. */
  onStart(): void;
  /** Called once, at the end of a stream that has started. */
  onEnd(): void;
}

/** Opens a stream that plays moves: each pull gets the next batch, after the pauses before it. */
export function openScriptedStream(call: ScriptedCall, signal: AbortSignal): EventStream {
  return new ScriptedStream(call, signal);
}

class ScriptedStream implements EventStream {
  private readonly call: ScriptedCall;
  private readonly signal: AbortSignal;
  /** Ends a pause; `close()` aborts it too, so `signal` is not enough. */
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

  /** Ends the stream and a waiting pull. */
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
