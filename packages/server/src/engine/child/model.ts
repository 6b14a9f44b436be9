import type { ModelInfo, Sampling } from '../between/protocol.ts';
import type { Vocabulary } from './prompt.ts';

/** A loaded model as the rest of the child knows it; `native.ts` makes the real one, tests make their own. */
export interface LoadedModel {
  readonly info: Omit<ModelInfo, 'fingerprint'>;
  readonly vocabulary: Vocabulary;
  /** The file's chat template. */
  readonly template: string | undefined;
  /** Lowest first; each is one place of the batch, with state of its own. */
  readonly sequences: readonly Sequence[];
  /** UTF-8 of a token, or a part of a character; empty for control tokens. */
  bytesOf(token: number): Uint8Array;
  /** Texts of control tokens, which are no text of an answer unless they mark a thought or a call. */
  readonly controls: ReadonlyMap<number, string>;
  /** True for the tokens by which the model says that its answer is over. */
  endsAnswer(token: number): boolean;
  /** Prompt tokens a millisecond, as measured while warming up. */
  readonly readingRate: number;
  /** Tokens of a prompt that may be read at once; more would be computed by other kernels, or not fit a batch. */
  readonly largestSlice: number;
}

/**
 * One place of the batch. Calls of one sequence never overlap. What several sequences ask for in one turn of
 * the event loop is computed as one batch.
 */
export interface Sequence {
  /** Drops the state beyond a length; resolves to the length that is left, less where the model can't do that. */
  keep(length: number): Promise<number>;
  /**
   * Takes over the first tokens of another sequence's state, in place of its own; resolves to the length it
   * holds then, less where the model can't do that. Not while anything is computed. Costs a copy of memory
   * (measured: 1.5 ms for 46 MB).
   */
  copy(from: Sequence, length: number): Promise<number>;
  /** Computes prompt tokens without sampling. Can't be interrupted: its length is what an abort waits for. */
  read(tokens: readonly number[]): Promise<void>;
  /** Begins to write after `token`, the last of the prompt, which is computed by the first `next`. */
  write(token: number, options: WriteOptions): Writing;
}

export interface WriteOptions {
  readonly sampling: Sampling;
  /** Tokens of the answer that are in the prompt: penalties count them. */
  readonly history: readonly number[];
  /** Tokens that will be sampled at most. */
  readonly maxTokens: number;
  /** Alternatives to tell with each token; absent: no probabilities are looked up. */
  readonly topLogprobs?: number;
  /** Rules the answer from its first token. */
  readonly grammar?: string;
  /** Texts in which control tokens are wanted, though a grammar rules: what marks a call. */
  readonly markers: readonly string[];
}

export interface Writing {
  /**
   * Computes the token before and samples the next one. Every token comes, control tokens too. With `given` nothing
   * is sampled: that token is the next one.
   */
  next(given?: number): Promise<Sampled>;
  /** Puts a token in the place of the one that came last, as if it had been sampled. Not while a grammar rules. */
  instead(token: number): void;
  /**
   * From the next token on the grammar rules, as if `written` had been sampled under it. False, and nothing
   * changed, where the grammar does not allow that text. Throws where it is no grammar.
   */
  constrain(grammar: string, written: string): boolean;
  /** Frees the sampler; to be called once, not while `next` runs. */
  end(): Promise<void>;
}

export interface Sampled {
  readonly token: number;
  /**
   * Milliseconds of processor time that choosing it took, grammar included, computing it not; absent where nothing
   * was chosen.
   */
  readonly tookMs?: number;
  /** Natural logarithms, of the model's own distribution: before temperature, penalties, bias and grammar. */
  readonly logprob?: number;
  readonly top?: readonly (readonly [token: number, logprob: number])[];
}
