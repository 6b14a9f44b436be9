import { useMemo } from 'react';
import type { Connection } from '../../api/connection.ts';
import { isObject } from '../../api/failure.ts';
import { useKeyNames } from '../key-names.ts';
import { useResource } from '../resource.ts';

/** What the filters suggest, and by what name a key is known. */
export interface KnownNames {
  readonly keys: readonly string[];
  readonly owners: readonly string[];
  readonly models: readonly string[];
  /** The name of a key, where it has one; else its id. */
  nameOfKey(id: string): string;
}

export function useKnownNames(connection: Connection): KnownNames {
  const keys = useKeyNames(connection);
  const owners = useResource(connection, '/admin/v1/owners?limit=1000', { read: readIds }).value;
  const models = useResource(connection, '/admin/v1/models?limit=1000', { read: readIds }).value;
  return useMemo(
    () => ({
      keys: [...keys.keys()],
      owners: owners ?? [],
      models: models ?? [],
      nameOfKey: (id) => keys.get(id) ?? id,
    }),
    [keys, owners, models],
  );
}

function entriesOf(body: unknown): readonly Readonly<Record<string, unknown>>[] {
  const data = isObject(body) ? body['data'] : undefined;
  return Array.isArray(data) ? data.filter(isObject) : [];
}

function readIds(body: unknown): readonly string[] {
  return entriesOf(body).flatMap(({ id }) => (typeof id === 'string' ? [id] : []));
}
