import type { SamplingDefaults } from '../../domain/sampling-defaults.ts';

/** The tokens of a sequence where nothing is configured; undefined: as many as memory allows. */
export function advisedContext(model: string): number | undefined {
  // Eight sequences of it fit into 400 MB.
  return model === 'smollm2-135m-instruct' ? 2048 : undefined;
}

/**
 * What the makers of the default model advise (huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct); its files do not have it.
 * At temperature 1 the model writes nonsense to the end of its context.
 */
const advisedSampling: SamplingDefaults = { temperature: 0.2, topP: 0.9 };

/**
 * How a model samples where a request does not say it. For each field: as configured, else as in its file, else as its makers
 * advise.
 */
export function samplingDefaultsOf(
  model: string,
  ofFile: SamplingDefaults | undefined,
  configured: SamplingDefaults | undefined,
): SamplingDefaults {
  // `--model` serves other quantisations under ids that begin like that of the default model.
  const advised = /^smollm2-135m-instruct\b/.test(model) ? advisedSampling : undefined;
  return { ...advised, ...ofFile, ...configured };
}
