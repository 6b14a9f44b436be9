import type { Connection } from '../api/connection.ts';
import { isObject, listIn } from '../api/json.ts';
import { useResource } from '../signals/use-resource.ts';

/** By what name each key is known, by its id: the name that it has, else its id. */
export type KeyNames = ReadonlyMap<string, string>;

const noNames: KeyNames = new Map();

export function useKeyNames(connection: Connection): KeyNames {
  return useResource(connection, '/admin/v1/keys?limit=1000', { read: readNames }).value ?? noNames;
}

function readNames(body: unknown): KeyNames {
  const data = listIn(body).filter(isObject);
  return new Map(
    data.flatMap(({ id, name }) =>
      typeof id === 'string' ? [[id, typeof name === 'string' && name !== '' ? name : id] as const] : [],
    ),
  );
}
