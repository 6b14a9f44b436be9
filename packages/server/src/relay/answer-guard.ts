import { decodeJsonText, emptyJsonText, type JsonText, joinJsonText } from '@tailrace/protocol';
import { createEventGrammar } from '../domain/event-grammar.ts';
import type { FailedEvent, StreamEvent, UsageEvent } from '../domain/stream-event.ts';
import type { Usage } from '../domain/usage.ts';

/** What the guard lets through: everything but failures, which end the drive before it. */
export type Passed = Exclude<StreamEvent, FailedEvent>;

/**
 * Stands between every source and every reader. It refuses what breaks the grammar, drops what says nothing,
 * holds tool arguments to being JSON, and sees to it that an answer never ends without a usage.
 */
export interface AnswerGuard {
  /** The events to pass on, or what is wrong with this one. */
  accept(event: Passed): readonly Passed[] | string;
  /** Every choice has finished. */
  readonly whole: boolean;
  readonly usage: Usage | undefined;
}

/** `promptTokens`: an estimate, for a target that does not say. */
export function createAnswerGuard(choices: number, promptTokens: () => number): AnswerGuard {
  const grammar = createEventGrammar(choices);
  const calls = new Map<number, JsonText[]>();
  let deltas = 0;
  let unfinished = choices;
  let usage: Usage | undefined;

  const brokenArguments = (choice: number): string | undefined => {
    for (const [index, json] of (calls.get(choice) ?? []).entries()) {
      if (!isJson(decodeJsonText(json))) return `the arguments of tool call ${index} are not JSON`;
    }
    return undefined;
  };

  return {
    get whole() {
      return unfinished === 0;
    },
    get usage() {
      return usage;
    },
    accept: (event) => {
      if (isEmptyDelta(event)) return [];
      const violation = grammar.accept(event);
      if (violation !== undefined) return violation;
      switch (event.type) {
        case 'text-delta':
        case 'reasoning-delta':
        case 'refusal-delta':
          deltas += 1;
          return [event];
        case 'tool-call-start':
          calls.set(event.choice, [...(calls.get(event.choice) ?? []), emptyJsonText]);
          return [event];
        case 'tool-call-delta': {
          deltas += 1;
          const joined = calls.get(event.choice) ?? [];
          joined[event.index] = joinJsonText(joined[event.index] ?? emptyJsonText, event.json);
          return [event];
        }
        case 'usage':
          usage = event.usage;
          return [event];
        case 'finish': {
          unfinished -= 1;
          const broken = event.reason === 'length' ? undefined : brokenArguments(event.choice);
          if (broken !== undefined) return broken;
          if (unfinished > 0 || usage !== undefined) return [event];
          const estimated = estimate(promptTokens(), deltas);
          usage = estimated.usage;
          return [estimated, event];
        }
        case 'start':
          return [event];
      }
    },
  };
}

/** One token a delta is what most targets send; an estimate is marked as one. */
function estimate(promptTokens: number, completionTokens: number): UsageEvent {
  return { type: 'usage', usage: { promptTokens, completionTokens, estimated: true } };
}

function isEmptyDelta(event: Passed): boolean {
  switch (event.type) {
    case 'text-delta':
      return event.json === '' && event.logprobs === undefined;
    case 'reasoning-delta':
    case 'refusal-delta':
    case 'tool-call-delta':
      return event.json === '';
    default:
      return false;
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
