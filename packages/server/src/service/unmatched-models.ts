import { createModelRights } from '../access/model-rights.ts';

/** The entries of a list of models, names and patterns, that none of `names` fits: the ids and aliases of all models. */
export function unmatchedModels(entries: readonly string[], names: readonly string[]): readonly string[] {
  return entries.filter((entry) => {
    const rights = createModelRights([{ of: '', models: [entry] }]);
    return !names.some((id) => rights.allows({ id, aliases: [] }));
  });
}
