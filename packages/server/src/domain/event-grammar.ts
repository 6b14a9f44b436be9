import { assertNever } from './assert-never.ts';
import type { StreamEvent } from './stream-event.ts';

/**
 * Judges one stream of events by the grammar of `stream-event.ts`. The relay runs it on every event: a few
 * comparisons and no allocation a call.
 */
export interface EventGrammar {
  /**
   * Takes the next event. Returns what is wrong with it, for the log, or undefined where it is in order.
   * A refused event changes nothing; whether the stream goes on without it is the caller's decision.
   */
  accept(event: StreamEvent): string | undefined;
  /** `whole` after the last finish, `torn` after `failed`; undefined while more must come. */
  readonly ended: 'whole' | 'torn' | undefined;
}

/** Grammar for a request with `n: choices`. */
export function createEventGrammar(choices: number): EventGrammar {
  return new Judge(choices);
}

class Judge implements EventGrammar {
  private readonly choices: number;
  private unfinished: number;
  private begun = false;
  ended: 'whole' | 'torn' | undefined;
  private usageSeen = false;
  private readonly finished: Uint8Array;
  /** Calls begun, by choice: the last of them is the open one. */
  private readonly calls: Uint32Array;

  constructor(choices: number) {
    this.choices = choices;
    this.unfinished = choices;
    this.finished = new Uint8Array(choices);
    this.calls = new Uint32Array(choices);
  }

  accept(event: StreamEvent): string | undefined {
    if (this.ended !== undefined) return `${event.type} after the end`;
    const problem = this.judge(event);
    if (problem === undefined) this.begun = true;
    return problem;
  }

  private judge(event: StreamEvent): string | undefined {
    switch (event.type) {
      case 'text-delta':
      case 'reasoning-delta':
      case 'refusal-delta':
        // The first choice, while none has finished, is nearly every delta there is.
        return event.choice === 0 && this.unfinished === this.choices ? undefined : this.choiceProblem(event);
      case 'start':
        return this.begun ? 'start after another event' : undefined;
      case 'tool-call-start': {
        const problem = this.choiceProblem(event);
        if (problem !== undefined) return problem;
        const due = this.calls[event.choice] ?? 0;
        if (event.index !== due) return `tool call ${event.index} begins where ${due} is due`;
        this.calls[event.choice] = due + 1;
        return undefined;
      }
      case 'tool-call-delta': {
        const problem = this.choiceProblem(event);
        if (problem !== undefined) return problem;
        const open = (this.calls[event.choice] ?? 0) - 1;
        if (event.index === open) return undefined;
        return `a delta of tool call ${event.index} while ${open < 0 ? 'none' : open} is open`;
      }
      case 'usage':
        if (this.usageSeen) return 'usage twice';
        this.usageSeen = true;
        return undefined;
      case 'finish': {
        const problem = this.choiceProblem(event);
        if (problem !== undefined) return problem;
        this.finished[event.choice] = 1;
        this.unfinished -= 1;
        if (this.unfinished === 0) this.ended = 'whole';
        return undefined;
      }
      case 'failed':
        this.ended = 'torn';
        return undefined;
      default:
        return assertNever(event);
    }
  }

  private choiceProblem(event: StreamEvent & { readonly choice: number }): string | undefined {
    const state = this.finished[event.choice];
    if (state === undefined) return `${event.type} for choice ${event.choice} of ${this.choices}`;
    return state === 1 ? `${event.type} after the finish of choice ${event.choice}` : undefined;
  }
}
