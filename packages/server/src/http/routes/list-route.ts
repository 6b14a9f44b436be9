import { asciiJson } from '@tailrace/protocol';
import type { JsonValue } from '../../domain/json.ts';
import { readParameters } from '../../domain/query-parameters.ts';
import { unknownAfter } from '../../domain/unknown-after.ts';
import { readPage } from '../../metering/usage-report/read-queries.ts';
import { replyFailure, replyJson } from '../reply.ts';
import type { Route } from '../route.ts';

/** A list of the administration whose entries the processes of the service have in memory. */
export interface MemoryList<Entry> {
  readonly path: string;
  /** All entries now, in their order. No two have the same id. */
  entries(): readonly Entry[] | Promise<readonly Entry[]>;
  idOf(entry: Entry): string;
  json(entry: Entry): JsonValue;
}

/**
 * `GET` of a list, `{data, has_more}` with `limit` and `after` (contract, section 8). An `after` that is no id of the list now
 * is refused: it is a mistake, or the entry has gone meanwhile, and what follows it is not known then.
 */
export function listRoute<Entry>({ path, entries, idOf, json }: MemoryList<Entry>): Route {
  return {
    method: 'GET',
    path,
    access: 'admin',
    readsQuery: true,
    async handle(exchange) {
      const given = readParameters(exchange.query, ['limit', 'after']);
      if (!given.ok) return await replyFailure(exchange, given.failure);
      const page = readPage(given.value);
      if (!page.ok) return await replyFailure(exchange, page.failure);
      const { limit, after } = page.value;
      const all = await entries();
      const last = after === undefined ? -1 : all.findIndex((entry) => idOf(entry) === after);
      if (after !== undefined && last < 0) return await replyFailure(exchange, unknownAfter(after));
      const end = last + 1 + limit;
      const data = all.slice(last + 1, end).map(json);
      return replyJson(exchange, 200, asciiJson({ data, has_more: end < all.length }));
    },
  };
}
