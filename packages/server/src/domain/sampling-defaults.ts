/** How a model samples where a request does not say it. A field that is absent here too has OpenAI's default, or no effect. */
export interface SamplingDefaults {
  /** 0 … 2. */
  readonly temperature?: number;
  /** 0 … 1. */
  readonly topP?: number;
  /** Only so many of the most probable tokens; 0: all. */
  readonly topK?: number;
  /** Only tokens with at least this share of the highest probability, 0 … 1. */
  readonly minP?: number;
  /** −2 … 2. */
  readonly presencePenalty?: number;
  /** −2 … 2. */
  readonly frequencyPenalty?: number;
}
