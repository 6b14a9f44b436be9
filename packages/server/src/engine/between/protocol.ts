import type { FinishReason, TokenLogprobWire } from '@tailrace/protocol';
import type { Failure } from '../../domain/failure.ts';
import type { JsonValue } from '../../domain/json.ts';
import type { SamplingDefaults } from '../../domain/sampling-defaults.ts';
import type { ToolSyntaxName } from './tool-syntax.ts';

/**
 * The messages between the server and the engine's process, over the IPC channel of `fork`. Both ends have the same
 * version. Each still checks what it receives (`isFromChild`, `isToChild`), because the other process may be dying.
 */
export type ToChild = LoadMessage | GenerateMessage | AbortMessage;

/** The first message, sent once: the models to load. */
export interface LoadMessage {
  readonly type: 'load';
  readonly threads: number;
  /** For CPUs; on GPUs the library decides. */
  readonly flashAttention: boolean;
  readonly models: readonly ModelToLoad[];
  /** The folder in whose node_modules the library lies. Absent: beside the server. */
  readonly library?: string;
}

export interface ModelToLoad {
  readonly id: string;
  readonly file: string;
  /** Requests that run at the same time. */
  readonly sequences: number;
  /** Tokens of each sequence; `max`: as many as memory allows, up to the context that the model was trained with. */
  readonly context: number | 'max';
  /** Set after a restart: `context` is for the file with this fingerprint, any other file gets `otherwise`. */
  readonly decided?: { readonly fingerprint: string; readonly otherwise: number | 'max' };
}

/** One request. */
export interface GenerateMessage {
  readonly type: 'generate';
  readonly id: number;
  readonly model: string;
  /** The key of the request, for fair turns between keys. */
  readonly keyId: string;
  readonly messages: readonly PromptMessage[];
  /** The beginning of the answer, which the client already has: it is part of the prompt and is not sent again. */
  readonly prefix?: string;
  /** The functions that the prompt describes; empty where none may be called. */
  readonly tools: readonly PromptTool[];
  readonly sampling: Sampling;
  /** The most tokens of the answer; the context may leave fewer. */
  readonly maxTokens?: number;
  readonly stop: readonly string[];
  /** Answers to the prompt, each with a seed of its own. */
  readonly choices: number;
  /** The number of alternatives that are sent with each token of text; absent: no probabilities are sent. */
  readonly topLogprobs?: number;
  readonly shape: AnswerShape;
}

/** The form of an answer. A grammar constrains the text behind the model's thoughts, never the thoughts. */
export type AnswerShape =
  | { readonly type: 'text' }
  /** The whole answer is a sentence of the grammar: JSON. */
  | { readonly type: 'grammar'; readonly gbnf: string }
  /**
   * Tool calls, by a grammar that begins with the opening marker of the syntax. The grammar applies from the start
   * where calls are `forced`, else from the marker on, where the model writes it.
   */
  | { readonly type: 'calls'; readonly gbnf: string; readonly forced: boolean }
  /** The whole answer is a sentence of the grammar: JSON or calls, which the model chooses. */
  | { readonly type: 'json-or-calls'; readonly gbnf: string };

/** True where a grammar constrains the whole answer but the thoughts. */
export function isConstrained(shape: AnswerShape): shape is Exclude<AnswerShape, { readonly type: 'text' }> {
  return shape.type === 'calls' ? shape.forced : shape.type !== 'text';
}

/** True where an answer may have calls. */
export function mayCall({ type }: AnswerShape): boolean {
  return type === 'calls' || type === 'json-or-calls';
}

/** A function in the form of chat templates. */
export interface PromptTool {
  readonly name: string;
  readonly description?: string;
  readonly parameters: JsonValue;
}

/** A message in the form of chat templates: text only. */
export interface PromptMessage {
  readonly role: 'system' | 'user' | 'assistant' | 'tool';
  readonly content: string;
  readonly name?: string;
  readonly toolCallId?: string;
  readonly toolCalls?: readonly { readonly id: string; readonly name: string; readonly arguments: string }[];
}

export interface Sampling {
  /** 0: always the most probable token. */
  readonly temperature: number;
  readonly topP: number;
  /** See {@link SamplingDefaults}; no field of a request has it. */
  readonly topK?: number;
  readonly minP?: number;
  /** As OpenAI defines them: subtracted from each token of the answer so far, once, and once for each occurrence. */
  readonly presencePenalty: number;
  readonly frequencyPenalty: number;
  /** Token ids of this model and the values to add to their logits. */
  readonly logitBias: readonly (readonly [token: number, bias: number])[];
  /** 32 bits, never 2^32-1, which means a random seed to the native sampler. */
  readonly seed: number;
  /**
   * True where the request asks for repeatable text (a seed, or temperature 0): cached state is then reused only where
   * it is bit for bit equal to computed state.
   */
  readonly repeatable: boolean;
}

/**
 * Ends a request whose client has left. The child answers with `ended` when the sequence is free; it ignores unknown
 * ids.
 */
export interface AbortMessage {
  readonly type: 'abort';
  readonly id: number;
}

export type FromChild =
  /** The child is about to open the file of this model. */
  | { readonly type: 'loading'; readonly model: string }
  | LoadedMessage
  | { readonly type: 'ready' }
  | { readonly type: 'unloadable'; readonly failure: Failure }
  | { readonly type: 'progress'; readonly events: readonly GenerationEvent[] }
  | { readonly type: 'log'; readonly message: string }
  /** A sign of life while the engine computes and sends nothing else; at most one a second. */
  | { readonly type: 'beat' };

export interface LoadedMessage {
  readonly type: 'loaded';
  readonly model: string;
  readonly info: ModelInfo;
}

/** The facts of a loaded model: of the file that the child has read, not of a file that has replaced it since. */
export interface ModelInfo {
  /** Different for each file. */
  readonly fingerprint: string;
  /** `general.name` of the file, else its file name. */
  readonly modelName: string;
  /** Tokens of prompt and answer together, in each sequence. */
  readonly contextLength: number;
  readonly sequences: number;
  readonly threads: number;
  /** UTF-16 units of the longest token: no prompt with more units than this times the context can fit. */
  readonly longestToken: number;
  /** Tokens of the vocabulary: the ids of `logit_bias` are below it. */
  readonly vocabularySize: number;
  /** How this model writes tool calls. */
  readonly toolSyntax: ToolSyntaxName;
  /** From the child: the file's own sampling. Beyond `engine.ts`: what is in force, by the configuration and the advice for the model. */
  readonly sampling: SamplingDefaults;
  /** The compute layer: `cpu`, `metal`, `cuda`, `vulkan`. */
  readonly device: string;
}

/** A part of a choice's answer. `tokens`: those sampled since the last event of the choice. */
export type AnswerEvent =
  /** Text of the answer; empty as a sign of life. */
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

/** An event of a request. All events of one round of the scheduler travel in one message. */
export type GenerationEvent =
  /** The request has left the queue for a sequence: from now on it is lost if the process dies. */
  | { readonly type: 'taken'; readonly id: number }
  /** The prompt has been read; the first token is next. */
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
      /** All sampled tokens, with the one that ended the answer and those of a stop string. */
      readonly completionTokens: number;
      /** The sampled tokens of thoughts and their tags. */
      readonly reasoningTokens: number;
    }
  | { readonly type: 'failed'; readonly id: number; readonly failure: Failure }
  /** The last event of an id, after `finished`, `failed` or an abort: the sequence is free. */
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
