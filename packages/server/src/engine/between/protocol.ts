import type { FinishReason, TokenLogprobWire } from '@tailrace/protocol';
import type { Failure } from '../../domain/failure.ts';
import type { JsonValue } from '../../domain/json.ts';
import type { ToolSyntaxName } from './tool-syntax.ts';

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
  /** On CPUs; on GPUs the library decides. */
  readonly flashAttention: boolean;
  readonly models: readonly ModelToLoad[];
}

export interface ModelToLoad {
  readonly id: string;
  readonly file: string;
  /** Requests that run at the same time. */
  readonly sequences: number;
  /** Tokens a sequence; `max` takes what memory allows, up to what the model was trained for. */
  readonly context: number | 'max';
  /** Set where `context` was decided when a file was loaded before: every other file gets `otherwise`. */
  readonly decided?: { readonly fingerprint: string; readonly otherwise: number | 'max' };
}

/** One request. */
export interface GenerateMessage {
  readonly type: 'generate';
  readonly id: number;
  readonly model: string;
  /** Whose request it is, for fairness between keys. */
  readonly keyId: string;
  readonly messages: readonly PromptMessage[];
  /** The beginning of the answer, which was delivered before: counted as prompt, said no more. */
  readonly prefix?: string;
  /** Functions that the prompt describes; empty where none may be called. */
  readonly tools: readonly PromptTool[];
  readonly sampling: Sampling;
  /** Tokens of the answer at most; capped to what the context leaves. */
  readonly maxTokens?: number;
  readonly stop: readonly string[];
  /** Completions of the one prompt, each with a seed of its own. */
  readonly choices: number;
  /** Alternatives told for each token of text; absent: no probabilities are told. */
  readonly topLogprobs?: number;
  readonly shape: AnswerShape;
}

/** What an answer may be. A grammar rules the text behind the model's thoughts, never the thoughts. */
export type AnswerShape =
  | { readonly type: 'text' }
  /** All of the answer is a sentence of the grammar: JSON. */
  | { readonly type: 'grammar'; readonly gbnf: string }
  /**
   * Tool calls, by a grammar that begins with the syntax's opening marker: at once where they are `forced`,
   * else when the model writes that marker.
   */
  | { readonly type: 'calls'; readonly gbnf: string; readonly forced: boolean }
  /** All of the answer is a sentence of the grammar: JSON, or calls, as the model likes. */
  | { readonly type: 'json-or-calls'; readonly gbnf: string };

/** True where a grammar rules the whole answer, but for its thoughts. */
export function isRuled(shape: AnswerShape): shape is Exclude<AnswerShape, { readonly type: 'text' }> {
  return shape.type === 'calls' ? shape.forced : shape.type !== 'text';
}

/** True where an answer may hold calls. */
export function mayCall({ type }: AnswerShape): boolean {
  return type === 'calls' || type === 'json-or-calls';
}

/** A function as chat templates know it. */
export interface PromptTool {
  readonly name: string;
  readonly description?: string;
  readonly parameters: JsonValue;
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
  /** As OpenAI defines them: subtracted once from every token of the answer so far, and once per occurrence. */
  readonly presencePenalty: number;
  readonly frequencyPenalty: number;
  /** Token ids of this model and what is added to their logits. */
  readonly logitBias: readonly (readonly [token: number, bias: number])[];
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
  /** The file of this model is opened next. */
  | { readonly type: 'loading'; readonly model: string }
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

/**
 * The facts of a loaded model. They describe the file that the child has read, not the file that lies at that path
 * later.
 */
export interface ModelInfo {
  /** Another for another file. */
  readonly fingerprint: string;
  /** `general.name` of the file, else its file name. */
  readonly modelName: string;
  /** Tokens of prompt and answer together, a sequence. */
  readonly contextLength: number;
  readonly sequences: number;
  readonly threads: number;
  /** UTF-16 units of the longest token: no prompt with more units than this times the context can fit. */
  readonly longestToken: number;
  /** Tokens of the vocabulary: the ids of `logit_bias` are below it. */
  readonly vocabularySize: number;
  /** How this model writes tool calls. */
  readonly toolSyntax: ToolSyntaxName;
  /** The compute layer: `cpu`, `metal`, `cuda`, `vulkan`. */
  readonly device: string;
}

/** What a choice says. `tokens` counts those sampled since the choice spoke last, so that nothing is lost. */
export type AnswerEvent =
  /** Text that may leave; empty as a sign of life. */
  | {
      readonly type: 'text';
      readonly id: number;
      readonly choice: number;
      readonly text: string;
      readonly tokens: number;
      readonly logprobs?: readonly TokenLogprobWire[];
    }
  | {
      readonly type: 'reasoning';
      readonly id: number;
      readonly choice: number;
      readonly text: string;
      readonly tokens: number;
    }
  | {
      readonly type: 'call';
      readonly id: number;
      readonly choice: number;
      readonly index: number;
      readonly name: string;
    }
  | {
      readonly type: 'arguments';
      readonly id: number;
      readonly choice: number;
      readonly index: number;
      readonly text: string;
    };

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
  | AnswerEvent
  | {
      readonly type: 'finished';
      readonly id: number;
      readonly choice: number;
      readonly reason: FinishReason;
      /** Every token that was sampled, the one that ended the answer and those of a stop string included. */
      readonly completionTokens: number;
      /** Those of them that were thoughts, their tags included. */
      readonly reasoningTokens: number;
    }
  | { readonly type: 'failed'; readonly id: number; readonly failure: Failure }
  /** The last word about an id, after `finished`, `failed` or an abort: its sequence is free. */
  | { readonly type: 'ended'; readonly id: number };

const fromChild = new Set(['loading', 'loaded', 'ready', 'unloadable', 'progress', 'log', 'beat']);
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
