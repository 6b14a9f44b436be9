import type { SamplingDefaults } from '../../domain/sampling-defaults.ts';

type Field = keyof SamplingDefaults;

/** llama.cpp's names in the metadata of a GGUF file, behind `general.sampling.`, and the largest value that is taken. */
const fieldsOfFile: readonly (readonly [name: string, field: Field, most: number])[] = [
  ['temp', 'temperature', 2],
  ['top_p', 'topP', 1],
  ['top_k', 'topK', 1_000_000],
  ['min_p', 'minP', 1],
];

/**
 * The defaults that a model file has in its metadata, from the object at `general.sampling`. A value that is no number or out
 * of range is left out. Files hold floats of 32 bits, so values are rounded to six digits.
 */
export function samplingOfFile(sampling: unknown): SamplingDefaults {
  if (typeof sampling !== 'object' || sampling === null) return {};
  const values = new Map<string, unknown>(Object.entries(sampling));
  const found: { [field in Field]?: number } = {};
  for (const [name, field, most] of fieldsOfFile) {
    const value = values.get(name);
    if (typeof value !== 'number' || !(value >= 0 && value <= most)) continue;
    if (field !== 'topK') found[field] = Number(value.toFixed(6));
    else if (Number.isInteger(value)) found[field] = value;
  }
  return found;
}
