import type { ModelRights } from '../access/model-rights.ts';
import { type Failure, failure } from '../domain/failure.ts';
import { nearest } from '../domain/nearest.ts';
import type { Catalogue } from '../routing/catalogue.ts';

/** The most characters of an unknown id that its failure repeats. */
const maxShownId = 128;

/** The failure for a model that there is not, with the nearest that this key may use. */
export function unknownModel(id: string, catalogue: Catalogue, rights: ModelRights): Failure {
  const names = catalogue.names().flatMap(({ name, model }) => (rights.allows(model) ? [name] : []));
  const meant = nearest(id, names);
  const hint =
    names.length === 0
      ? 'There is none for this key: see docs/configuration.md.'
      : `${meant === undefined ? '' : `Did you mean '${meant}'? `}GET /v1/models lists those there are.`;
  const shown = id.length <= maxShownId ? id : `${id.slice(0, maxShownId).toWellFormed()}…`;
  return failure('model_not_found', `There is no model '${shown}' here. ${hint}`, { param: 'model' });
}
