import {
  type AssistantMessageWire,
  asciiOnly,
  type ChatCompletion,
  type CompletionChoiceWire,
  decodeJsonText,
  type FinishReason,
  type JsonText,
  type TokenLogprobWire,
} from '@tailrace/protocol';
import { eventSize, maxWholeAnswer, sizeOf } from '../../domain/answer-size.ts';
import { assertNever } from '../../domain/assert-never.ts';
import { writeExactly } from '../../domain/exact-json.ts';
import type { JsonObject } from '../../domain/json.ts';
import type { FailedEvent, StreamEvent } from '../../domain/stream-event.ts';
import { createTextPieces, type TextPieces } from '../../domain/text-pieces.ts';
import type { Usage } from '../../domain/usage.ts';
import { usageWire } from './usage-wire.ts';

/** What the object says of itself. */
export interface CompletionIdentity {
  readonly id: string;
  /** Unix time in seconds. */
  readonly created: number;
  readonly model: string;
  readonly fingerprint: string;
}

/** The same events, answered as one object: the twin of the chunk encoder. */
export interface CompletionCollector {
  /** False once the answer is larger than {@link maxWholeAnswer}: from then on nothing is kept. */
  add(event: Exclude<StreamEvent, FailedEvent>): boolean;
  /** The body, once every choice has finished. */
  toJson(identity: CompletionIdentity): string;
}

interface CollectedChoice {
  readonly text: TextPieces<JsonText>;
  hasText: boolean;
  readonly reasoning: TextPieces<JsonText>;
  readonly refusal: TextPieces<JsonText>;
  readonly calls: {
    readonly id: string;
    readonly name: string;
    readonly json: TextPieces<JsonText>;
    readonly extra: JsonObject | undefined;
  }[];
  logprobs: TokenLogprobWire[] | undefined;
  finish: FinishReason | undefined;
  extra: JsonObject | undefined;
}

export function createCompletionCollector(choices: number): CompletionCollector {
  const collected = Array.from({ length: choices }, emptyChoice);
  let usage: Usage = { promptTokens: 0, completionTokens: 0, estimated: true };

  const at = (choice: number): CollectedChoice => {
    const found = collected[choice];
    if (found === undefined) throw new Error(`choice ${choice} of ${choices}: the grammar let it through`);
    return found;
  };

  let size = 0;

  function take(event: Exclude<StreamEvent, FailedEvent>): void {
    switch (event.type) {
      case 'start':
        return;
      case 'usage':
        usage = event.usage;
        return;
      case 'text-delta': {
        const choice = at(event.choice);
        choice.text.add(event.json);
        choice.hasText = true;
        if (event.logprobs === undefined) return;
        choice.logprobs ??= [];
        for (const one of event.logprobs) choice.logprobs.push(one);
        return;
      }
      case 'reasoning-delta':
        at(event.choice).reasoning.add(event.json);
        return;
      case 'refusal-delta':
        at(event.choice).refusal.add(event.json);
        return;
      case 'tool-call-start': {
        const { id, name, extra } = event;
        size += eventSize;
        at(event.choice).calls.push({ id, name, extra, json: createTextPieces() });
        return;
      }
      case 'tool-call-delta':
        at(event.choice).calls[event.index]?.json.add(event.json);
        return;
      case 'finish': {
        const choice = at(event.choice);
        choice.finish = event.reason;
        choice.extra = event.extra;
        return;
      }
      default:
        assertNever(event);
    }
  }

  return {
    add: (event) => {
      size += sizeOf(event);
      if (size > maxWholeAnswer) return false;
      take(event);
      return true;
    },
    toJson: (identity) => {
      const completion: ChatCompletion = {
        id: identity.id,
        object: 'chat.completion',
        created: identity.created,
        model: identity.model,
        system_fingerprint: identity.fingerprint,
        choices: collected.map(choiceWire),
        usage: usageWire(usage),
      };
      return asciiOnly(writeExactly(completion));
    },
  };
}

function emptyChoice(): CollectedChoice {
  return {
    text: createTextPieces(),
    hasText: false,
    reasoning: createTextPieces(),
    refusal: createTextPieces(),
    calls: [],
    logprobs: undefined,
    finish: undefined,
    extra: undefined,
  };
}

function choiceWire(choice: CollectedChoice, index: number): CompletionChoiceWire {
  if (choice.finish === undefined)
    throw new Error(`choice ${index} has no finish: the grammar let it through`);
  const message: AssistantMessageWire = {
    role: 'assistant',
    // An answer that said nothing is an empty text; null says that there are only calls, or a refusal.
    content: choice.hasText || saysNothingElse(choice) ? decodeJsonText(choice.text.join()) : null,
    refusal: choice.refusal.length === 0 ? null : decodeJsonText(choice.refusal.join()),
  };
  if (choice.reasoning.length > 0) message.reasoning_content = decodeJsonText(choice.reasoning.join());
  if (choice.extra !== undefined) message.extra_content = choice.extra;
  if (choice.calls.length > 0) {
    message.tool_calls = choice.calls.map((call) => ({
      id: call.id,
      type: 'function',
      function: { name: call.name, arguments: decodeJsonText(call.json.join()) },
      ...(call.extra === undefined ? {} : { extra_content: call.extra }),
    }));
  }
  const logprobs = choice.logprobs === undefined ? null : { content: choice.logprobs };
  return { index, message, logprobs, finish_reason: choice.finish };
}

function saysNothingElse(choice: CollectedChoice): boolean {
  return choice.calls.length === 0 && choice.refusal.length === 0;
}
