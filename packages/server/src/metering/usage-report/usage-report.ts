import { causeOfBug } from '../../domain/cause.ts';
import { fail, failure, ok, type Result } from '../../domain/failure.ts';
import { wrong } from '../../domain/query-parameters.ts';
import { unknownAfter } from '../../domain/unknown-after.ts';
import type { StoreReads } from '../../storage/contract.ts';
import { recordJson } from '../../storage/record-json.ts';
import { mostUsageRows } from '../../storage/records.ts';
import { budgetStandings } from './budget-standing.ts';
import { csv } from './csv.ts';
import { listBudgets } from './list-budgets.ts';
import { readBudgetsQuery, readOwnUsageQuery, readRecordQuery, readUsageQuery } from './read-queries.ts';
import { groupName, sumNames, usageRows, usageTotal } from './usage-rows.ts';

/** What a report answers: a value for JSON, or a text. */
export type ReportAnswer =
  | { readonly type: 'json'; readonly json: object }
  | { readonly type: 'csv'; readonly text: string };

/**
 * What was used, as `/admin/v1` and `/v1/usage` show it. Each method takes a raw query string. Failures: those of the
 * parameters, with `param`, and `storage_unavailable`.
 */
export interface UsageReport {
  /** Sums by group: `/admin/v1/usage`. */
  usage(query: string): Promise<Result<ReportAnswer>>;
  /** Records, newest first: `/admin/v1/requests`. */
  requests(query: string): Promise<Result<ReportAnswer>>;
  /** One record: `/admin/v1/requests/{id}`. */
  request(id: string): Promise<Result<ReportAnswer>>;
  /** Every budget, and what is left of it: `/admin/v1/budgets`. */
  budgets(query: string): Promise<Result<ReportAnswer>>;
  /** Sums and budgets of one key: `/v1/usage`. */
  ownUsage(
    query: string,
    caller: { readonly keyId: string; readonly owner: string },
  ): Promise<Result<ReportAnswer>>;
}

export interface UsageReportOptions {
  readonly reads: Pick<StoreReads, 'usage' | 'records' | 'spent' | 'key' | 'keys' | 'owner' | 'owners'>;
  /** Unix milliseconds. */
  now(): number;
}

export function createUsageReport({ reads, now }: UsageReportOptions): UsageReport {
  return {
    async usage(query) {
      const asked = readUsageQuery(query, now());
      if (!asked.ok) return asked;
      const { usage, format } = asked.value;
      return answered(async () => {
        const sums = await reads.usage(usage);
        if (sums.length > mostUsageRows) return fail(tooManyRows);
        const rows = usageRows(usage.groupBy, sums);
        if (format === 'json') return json({ data: rows, has_more: false });
        return ok({ type: 'csv', text: csv([...usage.groupBy.map(groupName), ...sumNames], rows) });
      });
    },
    async requests(query) {
      const asked = readRecordQuery(query, now());
      if (!asked.ok) return asked;
      return answered(async () => {
        const page = await reads.records(asked.value);
        if (page.unknownAfter === true) return fail(unknownAfter(asked.value.after ?? ''));
        return json({ data: page.data.map(recordJson), has_more: page.hasMore });
      });
    },
    async request(id) {
      return answered(async () => {
        const { data } = await reads.records({ id, limit: 1 });
        const [record] = data;
        if (record !== undefined) return json(recordJson(record));
        const message =
          'There is no record with this id: it is that of a completion (chatcmpl-…), its retention is over, or its request has reached no target.';
        return fail(failure('completion_not_found', message));
      });
    },
    async budgets(query) {
      const asked = readBudgetsQuery(query);
      if (!asked.ok) return asked;
      return answered(async () => {
        const page = await listBudgets(reads, asked.value, now());
        if (page.unknownAfter === true) return fail(unknownAfter(asked.value.after ?? ''));
        return json({ data: page.data, has_more: page.hasMore });
      });
    },
    async ownUsage(query, { keyId, owner: ownerId }) {
      const asked = readOwnUsageQuery(query, keyId, now());
      if (!asked.ok) return asked;
      const { groupBy } = asked.value;
      return answered(async () => {
        const [rows, key, owner] = await Promise.all([
          reads.usage(asked.value),
          // Undefined for a fixed key.
          reads.key(keyId),
          reads.owner(ownerId),
        ]);
        if (rows.length > mostUsageRows) return fail(tooManyRows);
        const [ofKey, ofOwner] = await budgetStandings(
          reads,
          [
            { scope: `key:${keyId}`, budget: key?.budget },
            { scope: `owner:${ownerId}`, budget: owner?.budget },
          ],
          now(),
        );
        return json({
          key_id: keyId,
          ...usageTotal(rows),
          budget: ofKey,
          owner: { id: ownerId, budget: ofOwner },
          data: usageRows(groupBy, rows),
          has_more: false,
        });
      });
    },
  };
}

function json(value: object): Result<ReportAnswer> {
  return ok({ type: 'json', json: value });
}

const tooManyRows = wrong(
  'group_by',
  `makes more than ${mostUsageRows} rows; ask for fewer groups, or for a part of the records with since and until or another filter`,
);

/** What is wrong with a question has its failure already: what is thrown here comes from the store. */
async function answered(read: () => Promise<Result<ReportAnswer>>): Promise<Result<ReportAnswer>> {
  try {
    return await read();
  } catch (error) {
    const message = 'The usage records cannot be read now. Try again.';
    return fail(failure('storage_unavailable', message, { retryAfterMs: 1_000, ...causeOfBug(error) }));
  }
}
