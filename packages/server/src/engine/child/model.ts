import type { ModelInfo, Sampling } from '../between/protocol.ts';
import type { Vocabulary } from './prompt.ts';

/** A loaded model. `native.ts` makes the real ones, tests make others. */
export interface LoadedModel {
  readonly info: Omit<ModelInfo, 'fingerprint'>;
  readonly vocabulary: Vocabulary;
  /** The file's chat template. */
  readonly template: string | undefined;
  /** In ascending order; each is one place of the batch with its own state. */
  readonly sequences: readonly Sequence[];
  /** The UTF-8 bytes of a token, which may be a part of a character; empty for control tokens. */
  bytesOf(token: number): Uint8Array;
  /** The texts of control tokens. They are not part of an answer unless they mark a thought or a call. */
  readonly controls: ReadonlyMap<number, string>;
  /** True for tokens that end an answer. */
  endsAnswer(token: number): boolean;
  /** Prompt tokens a millisecond, measured by the warm-up. */
  readonly readingRate: number;
  /** The most prompt tokens of one slice; a longer one would be computed by other kernels, or not fit into a batch. */
  readonly largestSlice: number;
}

/**
 * One place of the batch. Calls of one sequence never overlap. Calls of several sequences in one turn of the event loop
 * are computed as one batch.
 */
export interface Sequence {
  /** Drops the state behind `length` tokens; resolves to the length that is left, which some models make shorter. */
  keep(length: number): Promise<number>;
  /**
   * Replaces its state by that of another sequence's first tokens; resolves to the length that it then has, which some
   * models make shorter. Not to be called during a computation. Copies memory (measured: 1.5 ms for 46 MB).
   */
  copy(from: Sequence, length: number): Promise<number>;
  /** Computes prompt tokens without sampling. It cannot be interrupted: an abort waits for its end. */
  read(tokens: readonly number[]): Promise<void>;
  /** Begins to write behind `token`, the last of the prompt, which the first `next` computes. */
  write(token: number, options: WriteOptions): Writing;
}

export interface WriteOptions {
  readonly sampling: Sampling;
  /** Tokens of the answer that are in the prompt; penalties count them. */
  readonly history: readonly number[];
  /** The most tokens that will be sampled. */
  readonly maxTokens: number;
  /** The number of alternatives to return with each token; absent: no probabilities are computed. */
  readonly topLogprobs?: number;
  /** Applies from the first token of the answer on. */
  readonly grammar?: string;
  /** Texts that mark calls: in them control tokens are allowed although a grammar applies. */
  readonly markers: readonly string[];
}

export interface Writing {
  /**
   * Computes the token before and samples the next one, which may be a control token. With `given` nothing is sampled:
   * that token is the next one.
   */
  next(given?: number): Promise<Sampled>;
  /** Replaces the last token, as if this one had been sampled. Not to be called while a grammar applies. */
  instead(token: number): void;
  /**
   * Applies a grammar from the next token on, as if `written` had been sampled with it. Returns false and changes
   * nothing where the grammar does not allow that text. Throws where it is not a grammar.
   */
  constrain(grammar: string, written: string): boolean;
  /** Frees the sampler. To be called once, and not while `next` runs. */
  end(): Promise<void>;
}

export interface Sampled {
  readonly token: number;
  /**
   * Milliseconds of processor time for sampling with the grammar, without the computation; absent where nothing was
   * sampled.
   */
  readonly tookMs?: number;
  /** Natural logarithm in the model's own distribution: before temperature, penalties, bias and grammar. */
  readonly logprob?: number;
  readonly top?: readonly (readonly [token: number, logprob: number])[];
}
