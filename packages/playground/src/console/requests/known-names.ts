import { useMemo } from 'react';
import type { Connection } from '../../api/connection.ts';
import { isObject } from '../../api/json.ts';
import { useResource } from '../../signals/use-resource.ts';
import { useKeyNames } from '../key-names.ts';
import { type PriceBook, readPrices } from './cost-terms.ts';

/** What the filters suggest, and by what name a key is known. */
export interface KnownNames {
  readonly keys: readonly string[];
  readonly owners: readonly string[];
  readonly models: readonly string[];
  readonly prices: PriceBook;
  /** The name of a key, where it has one; else its id. */
  nameOfKey(id: string): string;
}

export function useKnownNames(connection: Connection): KnownNames {
  const keys = useKeyNames(connection);
  const owners = useResource(connection, '/admin/v1/owners?limit=1000', { read: readIds }).value;
  const models = useResource(connection, '/admin/v1/models?limit=1000', { read: readModels }).value;
  return useMemo(
    () => ({
      keys: [...keys.keys()],
      owners: owners ?? [],
      models: models?.ids ?? [],
      prices: models?.prices ?? noPrices,
      nameOfKey: (id) => keys.get(id) ?? id,
    }),
    [keys, owners, models],
  );
}

const noPrices: PriceBook = new Map();

function readModels(body: unknown): { readonly ids: readonly string[]; readonly prices: PriceBook } {
  return { ids: readIds(body), prices: readPrices(body) };
}

function entriesOf(body: unknown): readonly Readonly<Record<string, unknown>>[] {
  const data = isObject(body) ? body['data'] : undefined;
  return Array.isArray(data) ? data.filter(isObject) : [];
}

function readIds(body: unknown): readonly string[] {
  return entriesOf(body).flatMap(({ id }) => (typeof id === 'string' ? [id] : []));
}
