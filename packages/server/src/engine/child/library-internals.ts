/**
 * Internals of node-llama-cpp that its public API does not offer: the logits of a computation a second time (the
 * model's
 * own distribution beside the sampled token), a grammar that begins in the middle of an answer, biases on tokens that
 * end an answer, and copies of state between sequences in memory.
 *
 * The version is pinned, and the internals are checked when a model is loaded: another version fails the start with one
 * line, not a request.
 */
export interface SequenceInternals {
  _decodeTokens(
    tokens: readonly number[],
    logits: readonly (true | undefined)[],
    priority: number,
    meter: unknown,
    contextShift: { readonly size: number; readonly strategy: 'eraseBeginning' },
    onLogits: (batchIndex: number) => Promise<unknown>,
    afterBatch: undefined,
  ): Promise<readonly unknown[]>;
  /** True where the state now has exactly that many tokens. Not to be called during a computation. */
  _copyStateFromOtherSequence(other: SequenceInternals, length: number): Promise<boolean>;
  readonly _tokenMeter: unknown;
  readonly nextTokenIndex: number;
  clearHistory(): Promise<void>;
}

export interface SamplerInternals {
  applyConfig(config: SamplerConfig): void;
  dispose(): void;
}

export interface SamplerConfig {
  readonly temperature: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly minP?: number;
  readonly seed?: number;
  /** 1 means no penalty; without it the library ignores the next two. */
  readonly repeatPenalty?: 1;
  readonly repeatPenaltyTokens?: Uint32Array;
  readonly repeatPenaltyMaxTokens?: number;
  readonly repeatPenaltyPresencePenalty?: number;
  readonly repeatPenaltyFrequencyPenalty?: number;
  readonly tokenBiasKeys?: Uint32Array;
  readonly tokenBiasValues?: Float32Array;
  readonly grammarEvaluationState?: object;
}

/** The token, the logits as a flat list of pairs, and the sum of exp(logit − max). */
export type Look = readonly [number, unknown, unknown, readonly number[], number];

export interface Internals {
  sequence(sequence: object): SequenceInternals | undefined;
  newSampler(): SamplerInternals;
  /** −1 where the distribution is empty. */
  sample(batchIndex: number, sampler: SamplerInternals): Promise<number>;
  /** The unchanged logits of some tokens and of the `top` most probable. */
  look(
    batchIndex: number,
    neutral: SamplerInternals,
    tokens: readonly number[],
    top: number,
  ): Promise<Look | undefined>;
  /** Throws where the text is not a grammar. */
  parseGrammar(gbnf: string): object;
  newGrammarState(grammar: object): object;
  cloneGrammarState(state: object): object;
  allows(state: object, token: number): boolean;
  accept(state: object, token: number): void;
}

/** Undefined where the library lacks these internals. */
export function openInternals(llama: object, model: object, context: object): Internals | undefined {
  const bindings = objectAt(llama, '_bindings');
  const nativeModel = objectAt(model, '_model');
  const nativeContext = objectAt(context, '_ctx');
  if (bindings === undefined || nativeModel === undefined || nativeContext === undefined) return undefined;
  const Sampler = functionAt(bindings, 'AddonSampler');
  const Grammar = functionAt(bindings, 'AddonGrammar');
  const GrammarState = functionAt(bindings, 'AddonGrammarEvaluationState');
  const sampleToken = functionAt(nativeContext, 'sampleToken');
  if (Sampler === undefined || Grammar === undefined || GrammarState === undefined) return undefined;
  const allows = functionAt(Sampler, 'canBeNextTokenForGrammarEvaluationState');
  const accept = functionAt(Sampler, 'acceptGrammarEvaluationStateToken');
  if (sampleToken === undefined || allows === undefined || accept === undefined) return undefined;

  return {
    sequence: (sequence) => (isSequence(sequence) ? sequence : undefined),
    newSampler: () => Reflect.construct(Sampler, [nativeModel]) as SamplerInternals,
    sample: async (batchIndex, sampler) =>
      Number(await Reflect.apply(sampleToken, nativeContext, [batchIndex, sampler])),
    async look(batchIndex, neutral, tokens, top) {
      const filter = [tokens, false, false, true, top];
      const looked: unknown = await Reflect.apply(sampleToken, nativeContext, [
        batchIndex,
        neutral,
        false,
        false,
        filter,
        true,
      ]);
      return isLook(looked) ? looked : undefined;
    },
    parseGrammar: (gbnf) => {
      const options = { addonExports: bindings, rootRuleName: 'root' };
      return Reflect.construct(Grammar, [gbnf, options]) as object;
    },
    newGrammarState: (grammar) => Reflect.construct(GrammarState, [nativeModel, grammar]) as object,
    cloneGrammarState: (state) => Reflect.construct(GrammarState, [state]) as object,
    allows: (state, token) => Reflect.apply(allows, Sampler, [state, token]) === true,
    accept: (state, token) => {
      Reflect.apply(accept, Sampler, [state, token]);
    },
  };
}

function objectAt(parent: object, name: string): object | undefined {
  const value: unknown = Reflect.get(parent, name);
  return typeof value === 'object' && value !== null ? value : undefined;
}

type Callable = (...parameters: readonly unknown[]) => unknown;

function functionAt(parent: object, name: string): Callable | undefined {
  const value: unknown = Reflect.get(parent, name);
  return typeof value === 'function' ? (value as Callable) : undefined;
}

function isSequence(value: object): value is SequenceInternals {
  return (
    functionAt(value, '_decodeTokens') !== undefined &&
    functionAt(value, '_copyStateFromOtherSequence') !== undefined
  );
}

function isLook(value: unknown): value is Look {
  return Array.isArray(value) && Array.isArray(value[3]) && typeof value[4] === 'number';
}
