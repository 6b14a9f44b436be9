import type { FinishReason } from '@tailrace/protocol';
import type { Failure } from '../../domain/failure.ts';
import type { Capabilities } from '../../domain/requirements.ts';
import type { StreamEvent } from '../../domain/stream-event.ts';
import type { Usage } from '../../domain/usage.ts';

/**
 * A script that was read and checked (`script-schema.ts`): which request gets which answer, and how that answer is played.
 * Durations are in milliseconds.
 */
export interface Script {
  /** The declaration of every model that is not in `models`. */
  readonly model: ScriptModel;
  /** What single models declare, by the model's name there. */
  readonly models: ReadonlyMap<string, ScriptModel>;
  readonly firstTokenClock: 'call' | 'start';
  /** A request gets the first answer whose condition holds and whose `times` are not used up. */
  readonly answers: readonly Answer[];
}

/** What a scripted model declares. */
export interface ScriptModel {
  readonly capabilities: Capabilities;
  readonly contextTokens?: number;
}

/** One scripted answer. */
export interface Answer {
  readonly when: Condition;
  /** How many calls get this answer. Later calls get the next answer whose condition holds. Absent: no limit. */
  readonly times?: number;
  readonly steps: readonly Step[];
}

/** All members that are present must hold. */
export interface Condition {
  readonly models?: readonly string[];
  readonly lastMessageContains?: string;
  readonly lastMessageMatches?: RegExp;
  readonly lastRole?: 'system' | 'developer' | 'user' | 'assistant' | 'tool';
  /** The number of user messages in the conversation. */
  readonly turn?: number;
}

/** The kinds of text in an answer. */
export type TextKind = 'text' | 'reasoning' | 'refusal';

/** One step of an answer. A step without `choice` is for every choice of the request. */
export type Step =
  | { readonly do: 'start'; readonly fingerprint?: string }
  | ({ readonly do: TextKind; readonly deltas: readonly string[] } & Paced)
  | ({ readonly do: 'echo'; readonly chunk: Chunk } & Paced)
  /** Output that our stream does not name; `value` is a JSON text in ASCII. */
  | ({ readonly do: 'other'; readonly field: string; readonly value: string } & Paced)
  | ({
      readonly do: 'tool_call';
      readonly name: string;
      /** Absent: `call_` with the end of the completion's id, choice and index. */
      readonly id?: string;
      readonly argumentPieces: readonly string[];
    } & Paced)
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'usage'; readonly usage: Usage | undefined }
  | { readonly do: 'finish'; readonly reason: FinishReason; readonly choice?: number }
  | { readonly do: 'fail'; readonly failure: Failure }
  | { readonly do: 'hang' }
  | { readonly do: 'repeat'; readonly times: number; readonly steps: readonly Step[] }
  | { readonly do: 'together'; readonly steps: readonly Step[] }
  | { readonly do: 'event'; readonly event: StreamEvent }
  | { readonly do: 'throw'; readonly message: string }
  | { readonly do: 'end_without_finish' };

/** What all steps with deltas have. */
export interface Paced {
  readonly choice?: number;
  /** The pause before each delta. */
  readonly everyMs: number;
}

/** How a text is cut into deltas. */
export interface Chunk {
  readonly count: number;
  readonly unit: 'characters' | 'words';
}

/**
 * Cuts a text into deltas of `count` characters or words; a word has the white space before it. A character is a code point, so
 * no surrogate pair is cut; a script that cuts a pair must list the two halves as deltas. Deltas are cut one by one: a list of
 * all characters of an echo of 10 MB would take 80 MB.
 */
export function* cut(text: string, { count, unit }: Chunk): Generator<string> {
  const units = unit === 'characters' ? text[Symbol.iterator]() : words(text);
  let delta = '';
  let held = 0;
  for (const one of units) {
    delta += one;
    held += 1;
    if (held < count) continue;
    yield delta;
    delta = '';
    held = 0;
  }
  if (held > 0) yield delta;
}

function* words(text: string): Generator<string> {
  for (const [word] of text.matchAll(/\s*\S+|\s+$/gu)) yield word;
}
