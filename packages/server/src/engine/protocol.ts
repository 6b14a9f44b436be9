import type { FinishReason } from '@tailrace/protocol';
import type { Failure } from '../domain/failure.ts';

/**
 * What the server and the engine's process say to each other, over the IPC channel that `fork` makes. Both
 * ends are ours and of one version; what comes is still looked at before it is believed (`isFromChild`,
 * `isToChild`), for the other end is a process that may be dying.
 */
export type ToChild = LoadMessage | GenerateMessage | AbortMessage;

/** Sent once, first: which models to serve. */
export interface LoadMessage {
  readonly type: 'load';
  readonly threads: number;
  readonly models: readonly ModelToLoad[];
}

export interface ModelToLoad {
  readonly id: string;
  readonly file: string;
  /** Requests that run at the same time. */
  readonly sequences: number;
  /** Tokens a sequence; `max` takes what memory allows, up to what the model was trained for. */
  readonly context: number | 'max';
}

/** One request. What later fields ask for (grammar, tools, penalties, logprobs) is added beside `sampling`. */
export interface GenerateMessage {
  readonly type: 'generate';
  readonly id: number;
  readonly model: string;
  /** Whose request it is, for fairness between keys. */
  readonly keyId: string;
  readonly messages: readonly PromptMessage[];
  readonly sampling: Sampling;
  /** Tokens of the answer at most; capped to what the context leaves. */
  readonly maxTokens?: number;
  readonly stop: readonly string[];
  /** Completions of the one prompt. Always 1 for now. */
  readonly choices: number;
}

/** A message as chat templates know it: text only. */
export interface PromptMessage {
  readonly role: 'system' | 'user' | 'assistant' | 'tool';
  readonly content: string;
  readonly name?: string;
  readonly toolCallId?: string;
  readonly toolCalls?: readonly { readonly id: string; readonly name: string; readonly arguments: string }[];
}

export interface Sampling {
  /** 0 takes the most probable token always. */
  readonly temperature: number;
  readonly topP: number;
  /** 32 bits, never 2^32-1, which the native sampler takes for "random". */
  readonly seed: number;
  /**
   * True where the request asked for repeatable text (a seed, or temperature 0): then only cached state is
   * reused that is bit for bit what computing it again would give.
   */
  readonly repeatable: boolean;
}

/** The client is gone. Answered by `ended` once the sequence is free; unknown ids are ignored. */
export interface AbortMessage {
  readonly type: 'abort';
  readonly id: number;
}

export type FromChild =
  | LoadedMessage
  | { readonly type: 'ready' }
  | { readonly type: 'unloadable'; readonly failure: Failure }
  | { readonly type: 'progress'; readonly events: readonly GenerationEvent[] }
  | { readonly type: 'log'; readonly message: string }
  /** A sign of life while the engine computes and has nothing else to say; at most one a second. */
  | { readonly type: 'beat' };

export interface LoadedMessage {
  readonly type: 'loaded';
  readonly model: string;
  readonly info: ModelInfo;
}

export interface ModelInfo {
  /** `general.name` of the file, else its file name. */
  readonly modelName: string;
  /** Tokens of prompt and answer together, a sequence. */
  readonly contextLength: number;
  readonly sequences: number;
  readonly threads: number;
  /** UTF-16 units of the longest token: no prompt with more units than this times the context can fit. */
  readonly longestToken: number;
  /** The compute layer: `cpu`, `metal`, `cuda`, `vulkan`. */
  readonly device: string;
}

/** All that happened to requests in one round of the scheduler travels as one message. */
export type GenerationEvent =
  /** Out of the queue, a sequence taken: from here on the request is lost if the process dies. */
  | { readonly type: 'taken'; readonly id: number }
  /** The prompt is read and the first token about to come. */
  | {
      readonly type: 'started';
      readonly id: number;
      readonly promptTokens: number;
      readonly cachedTokens: number;
    }
  /** Text that may leave; empty as a sign of life. */
  | { readonly type: 'text'; readonly id: number; readonly choice: number; readonly text: string }
  | {
      readonly type: 'finished';
      readonly id: number;
      readonly choice: number;
      readonly reason: FinishReason;
      /** Every token that was sampled, the one that ended the answer and those of a stop string included. */
      readonly completionTokens: number;
    }
  | { readonly type: 'failed'; readonly id: number; readonly failure: Failure }
  /** The last word about an id, after `finished`, `failed` or an abort: its sequence is free. */
  | { readonly type: 'ended'; readonly id: number };

const fromChild = new Set(['loaded', 'ready', 'unloadable', 'progress', 'log', 'beat']);
const toChild = new Set(['load', 'generate', 'abort']);

export function isFromChild(message: unknown): message is FromChild {
  return fromChild.has(typeOf(message));
}

export function isToChild(message: unknown): message is ToChild {
  return toChild.has(typeOf(message));
}

function typeOf(message: unknown): string {
  if (typeof message !== 'object' || message === null || !('type' in message)) return '';
  return typeof message.type === 'string' ? message.type : '';
}
