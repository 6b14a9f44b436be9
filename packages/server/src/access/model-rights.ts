import { type Failure, failure } from '../domain/failure.ts';

/** The names of a model: its id, and its aliases. */
export interface NamedModel {
  readonly id: string;
  readonly aliases: readonly string[];
}

/** Which models a key may use: those that the lists of the key and of its owner both allow. */
export interface ModelRights {
  /** True where each list has the id or an alias of the model, or a pattern for one of them. */
  allows(model: NamedModel): boolean;
  /** `model_not_allowed`, with the list that does not have the model; undefined where the model is allowed. */
  refuse(model: NamedModel, asked: string): Failure | undefined;
}

/** One list of models. */
export interface ModelList {
  /** `This key`, `The owner 'acme'`: for messages. */
  readonly of: string;
  readonly models: readonly string[];
}

/** How many entries of a list a message shows. */
const maxShown = 12;

/** An entry is a name of a model, or a pattern that ends in `*`. Without lists everything is allowed. */
export function createModelRights(lists: readonly ModelList[]): ModelRights {
  if (lists.length === 0) return allModels;
  const checks = lists.map((list) => ({ list, has: matcher(list.models) }));
  return {
    allows: (model) => checks.every(({ has }) => has(model)),
    refuse: (model, asked) => {
      const without = checks.find(({ has }) => !has(model));
      return without === undefined ? undefined : notAllowed(without.list, asked);
    },
  };
}

const allModels: ModelRights = { allows: () => true, refuse: () => undefined };

function matcher(entries: readonly string[]): (model: NamedModel) => boolean {
  const names = new Set<string>();
  const beginnings: string[] = [];
  for (const entry of entries) {
    if (entry.endsWith('*')) beginnings.push(entry.slice(0, -1));
    else names.add(entry);
  }
  const fits = (name: string) =>
    names.has(name) || beginnings.some((beginning) => name.startsWith(beginning));
  return ({ id, aliases }) => fits(id) || aliases.some(fits);
}

function notAllowed({ of, models }: ModelList, asked: string): Failure {
  const more = models.length > maxShown ? ` and ${models.length - maxShown} more` : '';
  const allowed = models.length === 0 ? 'none' : `${models.slice(0, maxShown).join(', ')}${more}`;
  return failure(
    'model_not_allowed',
    `${of} may not use the model '${asked.slice(0, 128).toWellFormed()}'. Allowed: ${allowed}. ` +
      'GET /v1/models lists the models for this key.',
    { param: 'model' },
  );
}
