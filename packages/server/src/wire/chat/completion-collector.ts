import {
  type AssistantMessageWire,
  asciiOnly,
  type ChatCompletion,
  type CompletionChoiceWire,
  decodeJsonText,
  emptyJsonText,
  type FinishReason,
  type JsonText,
  joinJsonText,
  type TokenLogprobWire,
} from '@tailrace/protocol';
import { assertNever } from '../../domain/assert-never.ts';
import { writeExactly } from '../../domain/exact-json.ts';
import type { JsonObject } from '../../domain/json.ts';
import type { FailedEvent, StreamEvent } from '../../domain/stream-event.ts';
import type { Usage } from '../../domain/usage.ts';
import type { StreamIdentity } from './chunk-encoder.ts';
import { usageWire } from './usage-wire.ts';

/** The same events, answered as one object: the twin of the chunk encoder. */
export interface CompletionCollector {
  add(event: Exclude<StreamEvent, FailedEvent>): void;
  /** The body, once every choice has finished. */
  toJson(identity: StreamIdentity): string;
}

interface CollectedChoice {
  text: JsonText;
  hasText: boolean;
  reasoning: JsonText;
  refusal: JsonText;
  calls: { id: string; name: string; json: JsonText; extra: JsonObject | undefined }[];
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

  return {
    add: (event) => {
      switch (event.type) {
        case 'start':
          return;
        case 'usage':
          usage = event.usage;
          return;
        case 'text-delta': {
          const choice = at(event.choice);
          choice.text = joinJsonText(choice.text, event.json);
          choice.hasText = true;
          if (event.logprobs !== undefined) choice.logprobs = [...(choice.logprobs ?? []), ...event.logprobs];
          return;
        }
        case 'reasoning-delta': {
          const choice = at(event.choice);
          choice.reasoning = joinJsonText(choice.reasoning, event.json);
          return;
        }
        case 'refusal-delta': {
          const choice = at(event.choice);
          choice.refusal = joinJsonText(choice.refusal, event.json);
          return;
        }
        case 'tool-call-start':
          at(event.choice).calls.push({
            id: event.id,
            name: event.name,
            json: emptyJsonText,
            extra: event.extra,
          });
          return;
        case 'tool-call-delta': {
          const call = at(event.choice).calls[event.index];
          if (call !== undefined) call.json = joinJsonText(call.json, event.json);
          return;
        }
        case 'finish': {
          const choice = at(event.choice);
          choice.finish = event.reason;
          choice.extra = event.extra;
          return;
        }
        default:
          assertNever(event);
      }
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
    text: emptyJsonText,
    hasText: false,
    reasoning: emptyJsonText,
    refusal: emptyJsonText,
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
    content: choice.hasText || saysNothingElse(choice) ? decodeJsonText(choice.text) : null,
    refusal: choice.refusal === '' ? null : decodeJsonText(choice.refusal),
  };
  if (choice.reasoning !== '') message.reasoning_content = decodeJsonText(choice.reasoning);
  if (choice.extra !== undefined) message.extra_content = choice.extra;
  if (choice.calls.length > 0) {
    message.tool_calls = choice.calls.map((call) => ({
      id: call.id,
      type: 'function',
      function: { name: call.name, arguments: decodeJsonText(call.json) },
      ...(call.extra === undefined ? {} : { extra_content: call.extra }),
    }));
  }
  const logprobs = choice.logprobs === undefined ? null : { content: choice.logprobs };
  return { index, message, logprobs, finish_reason: choice.finish };
}

function saysNothingElse(choice: CollectedChoice): boolean {
  return choice.calls.length === 0 && choice.refusal === '';
}
