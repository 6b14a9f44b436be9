import { asciiJson, asciiOnly, type FinishReason, type JsonText } from '@tailrace/protocol';
import { eventSize, maxWholeAnswer, sizeOf } from '../../domain/answer-size.ts';
import { assertNever } from '../../domain/assert-never.ts';
import { writeExactly } from '../../domain/exact-json.ts';
import type { JsonObject } from '../../domain/json.ts';
import type { FailedEvent, StreamEvent } from '../../domain/stream-event.ts';
import { createTextPieces, type TextPieces } from '../../domain/text-pieces.ts';
import type { Usage } from '../../domain/usage.ts';
import { type CompletionIdentity, headJson } from './chunk-encoder.ts';
import { createJoinedField, type JoinedField } from './joined-field.ts';
import { usageWire } from './usage-wire.ts';

/**
 * Events → one completion object, for answers that do not stream. The body is joined from the escaped texts as they came:
 * at the end of an answer of 19 MB, decoding and writing them anew blocked the event loop for 0.8 s and took 240 MB.
 */
export interface CompletionCollector {
  /** False once the answer is larger than {@link maxWholeAnswer}; then nothing more is kept. */
  add(event: Exclude<StreamEvent, FailedEvent>): boolean;
  /** The body, once every choice has finished. */
  toJson(identity: CompletionIdentity): string;
}

interface CollectedCall {
  readonly id: string;
  readonly name: string;
  readonly json: TextPieces<JsonText>;
  readonly extra: JsonObject | undefined;
}

interface CollectedChoice {
  readonly text: TextPieces<JsonText>;
  hasText: boolean;
  readonly reasoning: TextPieces<JsonText>;
  readonly refusal: TextPieces<JsonText>;
  readonly calls: CollectedCall[];
  /** Output that our stream does not name, by field; undefined where there is none. */
  others: Map<string, JoinedField> | undefined;
  /** Entries as JSON, those of each event joined; absent where the answer has none. */
  logprobs: string[] | undefined;
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
        if (event.logprobs.length > 0) choice.logprobs.push(asciiJson(event.logprobs).slice(1, -1));
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
      case 'other-delta': {
        const choice = at(event.choice);
        size += eventSize;
        choice.others ??= new Map();
        const field = choice.others.get(event.field) ?? createJoinedField();
        choice.others.set(event.field, field);
        field.add(event.value);
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
  }

  return {
    add: (event) => {
      size += sizeOf(event);
      if (size > maxWholeAnswer) return false;
      take(event);
      return true;
    },
    toJson: (identity) => {
      const written = collected.map(choiceJson).join(',');
      const head = headJson('chat.completion', identity);
      return `${head},"choices":[${written}],"usage":${asciiJson(usageWire(usage))}}`;
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
    others: undefined,
    logprobs: undefined,
    finish: undefined,
    extra: undefined,
  };
}

function choiceJson(choice: CollectedChoice, index: number): string {
  const { finish, text, refusal, reasoning, extra, calls, others, logprobs } = choice;
  if (finish === undefined) throw new Error(`choice ${index} has no finish: the grammar let it through`);
  // An answer without output has an empty text; null means that there are only calls, a refusal or other
  // output.
  const content = choice.hasText || saysNothingElse(choice) ? `"${text.join()}"` : 'null';
  const message = [
    `"role":"assistant","content":${content}`,
    `"refusal":${refusal.length === 0 ? 'null' : `"${refusal.join()}"`}`,
    ...(reasoning.length === 0 ? [] : [`"reasoning_content":"${reasoning.join()}"`]),
    ...(extra === undefined ? [] : [extraJson(extra)]),
    ...(calls.length === 0 ? [] : [`"tool_calls":[${calls.map(callJson).join(',')}]`]),
    ...Array.from(others ?? [], ([field, value]) => `${asciiJson(field)}:${value.toJson()}`),
  ].join(',');
  const logprobsJson = logprobs === undefined ? 'null' : `{"content":[${logprobs.join(',')}],"refusal":null}`;
  return `{"index":${index},"message":{${message}},"logprobs":${logprobsJson},"finish_reason":"${finish}"}`;
}

function callJson({ id, name, json, extra }: CollectedCall): string {
  const called = `{"name":${asciiJson(name)},"arguments":"${json.join()}"}`;
  const more = extra === undefined ? '' : `,${extraJson(extra)}`;
  return `{"id":${asciiJson(id)},"type":"function","function":${called}${more}}`;
}

function extraJson(extra: JsonObject): string {
  return `"extra_content":${asciiOnly(writeExactly(extra))}`;
}

function saysNothingElse(choice: CollectedChoice): boolean {
  return choice.calls.length === 0 && choice.refusal.length === 0 && choice.others === undefined;
}
