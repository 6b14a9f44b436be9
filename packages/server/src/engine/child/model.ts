import type { ModelInfo, Sampling } from '../protocol.ts';
import type { Vocabulary } from './prompt.ts';

/** A loaded model as the rest of the child knows it; `native.ts` makes the real one, tests make their own. */
export interface LoadedModel {
  readonly info: ModelInfo;
  readonly vocabulary: Vocabulary;
  /** The file's chat template. */
  readonly template: string | undefined;
  /** Lowest first; each is one place of the batch, with state of its own. */
  readonly sequences: readonly Sequence[];
  /** UTF-8 of a token, or a part of a character; empty for control tokens. */
  bytesOf(token: number): Uint8Array;
  /** True for the tokens by which the model says that its answer is over. */
  endsAnswer(token: number): boolean;
  /** Prompt tokens a millisecond, as measured while warming up. */
  readonly readingRate: number;
}

/**
 * One place of the batch. Calls of one sequence never overlap. What several sequences ask for in one turn of
 * the event loop is computed as one batch.
 */
export interface Sequence {
  /** Drops the state beyond a length; resolves to the length that is left, less where the model can't do that. */
  keep(length: number): Promise<number>;
  /** Computes prompt tokens without sampling. Can't be interrupted: its length is what an abort waits for. */
  read(tokens: readonly number[]): Promise<void>;
  /** Begins to write after `token`, the last of the prompt, which is computed by the first `next`. */
  write(token: number, sampling: Sampling): Writing;
}

export interface Writing {
  /** Computes the token before and samples the next one. Every token comes, control tokens too. */
  next(): Promise<number>;
  /** Frees the sampler; to be called once, not while `next` runs. */
  end(): Promise<void>;
}
