import { decodeJsonText, type JsonText } from '@tailrace/protocol';
import type { JsonObject } from '../domain/json.ts';
import type { StreamEvent } from '../domain/stream-event.ts';
import { createTextPieces, type TextPieces } from '../domain/text-pieces.ts';

/** The texts of one answer that are kept together, in UTF-16 units. */
const maxCharacters = 256 * 1024;

/** What an answer has said, for the store of contents. Made only where the content of the request is kept. */
export interface Transcript {
  add(event: StreamEvent): void;
  /** One for each choice that has said anything, in the form of a chat completion's. */
  choices(): readonly JsonObject[];
}

interface Call {
  readonly id: string;
  readonly name: string;
  readonly json: TextPieces<JsonText>;
}

interface Choice {
  readonly content: TextPieces<JsonText>;
  readonly reasoning: TextPieces<JsonText>;
  readonly refusal: TextPieces<JsonText>;
  readonly calls: Map<number, Call>;
  finishReason: string | null;
}

/** Creates an empty transcript. */
export function createTranscript(): Transcript {
  const choices = new Map<number, Choice>();
  let room = maxCharacters;
  let cut = false;

  function choiceAt(index: number): Choice {
    const known = choices.get(index);
    if (known !== undefined) return known;
    const made: Choice = {
      content: createTextPieces(),
      reasoning: createTextPieces(),
      refusal: createTextPieces(),
      calls: new Map(),
      finishReason: null,
    };
    choices.set(index, made);
    return made;
  }

  /** All texts share the room. What comes after the first piece without room is left out, so that no text has a gap. */
  function takes(size: number): boolean {
    cut ||= size > room;
    if (!cut) room -= size;
    return !cut;
  }

  function note(pieces: TextPieces<JsonText>, json: JsonText): void {
    if (takes(json.length)) pieces.add(json);
  }

  return {
    add(event) {
      switch (event.type) {
        case 'text-delta':
          note(choiceAt(event.choice).content, event.json);
          return;
        case 'reasoning-delta':
          note(choiceAt(event.choice).reasoning, event.json);
          return;
        case 'refusal-delta':
          note(choiceAt(event.choice).refusal, event.json);
          return;
        case 'tool-call-start': {
          const { id, name } = event;
          if (takes(id.length + name.length))
            choiceAt(event.choice).calls.set(event.index, { id, name, json: createTextPieces() });
          return;
        }
        case 'tool-call-delta': {
          const call = choices.get(event.choice)?.calls.get(event.index);
          if (call !== undefined) note(call.json, event.json);
          return;
        }
        case 'finish':
          choiceAt(event.choice).finishReason = event.reason;
          return;
        default:
      }
    },
    choices: () =>
      Array.from(choices)
        .toSorted(([a], [b]) => a - b)
        .map(([index, choice]) => choiceJson(index, choice, cut)),
  };
}

function choiceJson(index: number, choice: Choice, cut: boolean): JsonObject {
  const { content, reasoning, refusal, calls, finishReason } = choice;
  return {
    index,
    finish_reason: finishReason,
    // The rest was too long to be kept.
    ...(cut ? { shortened: true } : {}),
    message: {
      role: 'assistant',
      content: content.length === 0 ? null : textOf(content),
      ...(reasoning.length === 0 ? {} : { reasoning_content: textOf(reasoning) }),
      ...(refusal.length === 0 ? {} : { refusal: textOf(refusal) }),
      ...(calls.size === 0
        ? {}
        : {
            tool_calls: Array.from(calls.values(), ({ id, name, json }) => ({
              id,
              type: 'function',
              function: { name, arguments: textOf(json) },
            })),
          }),
    },
  };
}

/** Decoded as a whole: of two deltas each may hold half of what an escape means. */
function textOf(pieces: TextPieces<JsonText>): string {
  return decodeJsonText(pieces.join());
}
