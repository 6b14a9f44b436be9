import type { Connection } from '../api/connection.ts';
import { isObject } from '../api/failure.ts';
import { useResource } from './resource.ts';

const noNames: ReadonlyMap<string, string> = new Map();

/** The names of the keys that have one, by their ids. */
export function useKeyNames(connection: Connection): ReadonlyMap<string, string> {
  return useResource(connection, '/admin/v1/keys?limit=1000', { read: readNames }).value ?? noNames;
}

function readNames(body: unknown): ReadonlyMap<string, string> {
  const data = isObject(body) && Array.isArray(body['data']) ? body['data'].filter(isObject) : [];
  return new Map(
    data.flatMap(({ id, name }) =>
      typeof id === 'string' && typeof name === 'string' && name !== '' ? [[id, name] as const] : [],
    ),
  );
}
