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
  const finished = new Uint8Array(choices);
  /** Calls begun, by choice: the last of them is the open one. */
  const calls = new Uint32Array(choices);
  let unfinished = choices;
  let begun = false;
  let usageSeen = false;
  let ended: 'whole' | 'torn' | undefined;

  function choiceProblem(event: StreamEvent & { readonly choice: number }): string | undefined {
    const state = finished[event.choice];
    if (state === undefined) return `${event.type} for choice ${event.choice} of ${choices}`;
    return state === 1 ? `${event.type} after the finish of choice ${event.choice}` : undefined;
  }

  function judge(event: StreamEvent): string | undefined {
    switch (event.type) {
      case 'start':
        return begun ? 'start after another event' : undefined;
      case 'text-delta':
      case 'reasoning-delta':
      case 'refusal-delta':
        return choiceProblem(event);
      case 'tool-call-start': {
        const problem = choiceProblem(event);
        if (problem !== undefined) return problem;
        const due = calls[event.choice] ?? 0;
        if (event.index !== due) return `tool call ${event.index} begins where ${due} is due`;
        calls[event.choice] = due + 1;
        return undefined;
      }
      case 'tool-call-delta': {
        const problem = choiceProblem(event);
        if (problem !== undefined) return problem;
        const open = (calls[event.choice] ?? 0) - 1;
        if (event.index === open) return undefined;
        return `a delta of tool call ${event.index} while ${open < 0 ? 'none' : open} is open`;
      }
      case 'usage':
        if (usageSeen) return 'usage twice';
        usageSeen = true;
        return undefined;
      case 'finish': {
        const problem = choiceProblem(event);
        if (problem !== undefined) return problem;
        finished[event.choice] = 1;
        unfinished -= 1;
        if (unfinished === 0) ended = 'whole';
        return undefined;
      }
      case 'failed':
        ended = 'torn';
        return undefined;
      default:
        return assertNever(event);
    }
  }

  return {
    accept(event) {
      if (ended !== undefined) return `${event.type} after the end`;
      const problem = judge(event);
      if (problem === undefined) begun = true;
      return problem;
    },
    get ended() {
      return ended;
    },
  };
}
