import { decodeJsonText, type FinishReason } from '@tailrace/protocol';
import { createEventGrammar } from '../../domain/event-grammar.ts';
import type { StreamEvent } from '../../domain/stream-event.ts';
import type { Usage } from '../../domain/usage.ts';

/** What one choice of an answer says, its pieces joined. */
export interface ChoiceOutput {
  text: string;
  reasoning: string;
  refusal: string;
  calls: CallOutput[];
  /** Fields that our stream does not name, in their order. */
  other: OtherOutput[];
  finish: FinishReason | undefined;
}

export interface CallOutput {
  name: string;
  /** The value of the joined arguments; their text where it is not JSON. */
  arguments: unknown;
}

export interface OtherOutput {
  field: string;
  value: unknown;
}

/** A whole answer, as a client can know it. */
export interface AnswerOutput {
  readonly choices: readonly ChoiceOutput[];
  readonly usage: Usage | undefined;
  /** The code of the error that ended it. */
  readonly failed: string | undefined;
  /** How the events break their grammar; undefined where they keep to it. */
  readonly problem: string | undefined;
}

/** A choice that says nothing. */
export function emptyChoice(): ChoiceOutput {
  return { text: '', reasoning: '', refusal: '', calls: [], other: [], finish: undefined };
}

/** Joins the events of an answer with that number of choices. */
export function outputOf(events: readonly StreamEvent[], count: number): AnswerOutput {
  const grammar = createEventGrammar(count);
  const choices = Array.from({ length: count }, emptyChoice);
  let usage: Usage | undefined;
  let failed: string | undefined;
  let problem: string | undefined;
  for (const event of events) {
    problem ??= grammar.accept(event);
    if (event.type === 'usage') usage = event.usage;
    else if (event.type === 'failed') failed = event.failure.code;
    else if (event.type !== 'start') {
      const choice = choices[event.choice];
      if (choice !== undefined) add(choice, event);
    }
  }
  for (const { calls } of choices) {
    for (const call of calls) call.arguments = parsedOrText(String(call.arguments));
  }
  if (grammar.ended === undefined) problem ??= 'the events have no end';
  return { choices, usage, failed, problem };
}

function add(to: ChoiceOutput, event: Extract<StreamEvent, { readonly choice: number }>): void {
  switch (event.type) {
    case 'text-delta':
      to.text += decodeJsonText(event.json);
      return;
    case 'reasoning-delta':
      to.reasoning += decodeJsonText(event.json);
      return;
    case 'refusal-delta':
      to.refusal += decodeJsonText(event.json);
      return;
    case 'tool-call-start':
      to.calls.push({ name: event.name, arguments: '' });
      return;
    case 'tool-call-delta': {
      const call = to.calls.at(-1);
      if (call !== undefined) call.arguments = `${String(call.arguments)}${decodeJsonText(event.json)}`;
      return;
    }
    case 'finish':
      to.finish = event.reason;
      return;
    default:
      addOther(to, event);
  }
}

function addOther(to: ChoiceOutput, event: object): void {
  if (!('field' in event) || !('value' in event)) return;
  to.other.push({ field: String(event.field), value: parsedOrText(String(event.value)) });
}

function parsedOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
