import { asciiJson } from '@tailrace/protocol';
import { causeOfBug } from '../../domain/cause.ts';
import { type Failure, failure } from '../../domain/failure.ts';
import { budgetStandings } from '../../metering/usage-report/budget-standing.ts';
import { csv } from '../../metering/usage-report/csv.ts';
import { listBudgets } from '../../metering/usage-report/list-budgets.ts';
import {
  readBudgetsQuery,
  readOwnUsageQuery,
  readRecordQuery,
  readUsageQuery,
} from '../../metering/usage-report/read-queries.ts';
import { groupName, sumNames, usageRows, usageTotal } from '../../metering/usage-report/usage-rows.ts';
import type { StoreReads } from '../../storage/contract.ts';
import { recordJson } from '../../storage/record-json.ts';
import type { Exchange } from '../exchange.ts';
import { replyFailure, replyJson, replyText } from '../reply.ts';
import type { Route } from '../route.ts';

type UsageReads = Pick<StoreReads, 'usage' | 'records' | 'spent' | 'key' | 'keys' | 'owner' | 'owners'>;

/** `/admin/v1/usage`, `/admin/v1/requests`, `/admin/v1/budgets` and `/v1/usage`. `now` is in Unix milliseconds. */
export function usageRoutes(reads: UsageReads, now: () => number): Route[] {
  const get = (
    path: string,
    access: Route['access'],
    answer: (exchange: Exchange) => Promise<Answer>,
  ): Route => ({ method: 'GET', path, access, handle: (exchange) => reply(exchange, answer) });
  return [
    get('/admin/v1/usage', 'admin', async ({ query }) => {
      const asked = readUsageQuery(query, now());
      if (!asked.ok) return asked;
      const { usage, format } = asked.value;
      const rows = usageRows(usage.groupBy, await reads.usage(usage));
      if (format === 'json') return { ok: true, json: { data: rows, has_more: false } };
      return { ok: true, csv: csv([...usage.groupBy.map(groupName), ...sumNames], rows) };
    }),
    get('/admin/v1/requests', 'admin', async ({ query }) => {
      const asked = readRecordQuery(query, now());
      if (!asked.ok) return asked;
      const { data, hasMore } = await reads.records(asked.value);
      return { ok: true, json: { data: data.map(recordJson), has_more: hasMore } };
    }),
    get('/admin/v1/budgets', 'admin', async ({ query }) => {
      const asked = readBudgetsQuery(query);
      if (!asked.ok) return asked;
      const { data, hasMore } = await listBudgets(reads, asked.value, now());
      return { ok: true, json: { data, has_more: hasMore } };
    }),
    get('/v1/usage', 'key', async ({ query, principal }) => {
      const { keyId, owner: ownerId } = principal;
      const asked = readOwnUsageQuery(query, keyId, now());
      if (!asked.ok) return asked;
      const [rows, key, owner] = await Promise.all([
        reads.usage(asked.value),
        // Undefined for a fixed key.
        reads.key(keyId),
        reads.owner(ownerId),
      ]);
      const [ofKey, ofOwner] = await budgetStandings(
        reads,
        [
          { scope: `key:${keyId}`, budget: key?.budget },
          { scope: `owner:${ownerId}`, budget: owner?.budget },
        ],
        now(),
      );
      return {
        ok: true,
        json: {
          key_id: keyId,
          ...usageTotal(rows),
          budget: ofKey,
          owner: { id: ownerId, budget: ofOwner },
          data: usageRows(asked.value.groupBy, rows),
          has_more: false,
        },
      };
    }),
  ];
}

type Answer =
  | { readonly ok: true; readonly json: unknown }
  | { readonly ok: true; readonly csv: string }
  | { readonly ok: false; readonly failure: Failure };

async function reply(exchange: Exchange, answer: (exchange: Exchange) => Promise<Answer>): Promise<void> {
  const made = await answer(exchange).catch(unavailable);
  if (!made.ok) return replyFailure(exchange, made.failure);
  if ('json' in made) return replyJson(exchange, 200, asciiJson(made.json));
  return replyText(exchange, 'text/csv; charset=utf-8; header=present', made.csv);
}

/** Everything that can be wrong with the question has its failure; what is thrown comes from the store. */
function unavailable(error: unknown): Answer {
  return {
    ok: false,
    failure: failure('storage_unavailable', 'The usage records cannot be read now. Try again.', {
      retryAfterMs: 1_000,
      ...causeOfBug(error),
    }),
  };
}
