import type { BudgetCheck, Intent, Spent, Store } from '../../packages/server/src/storage/contract.ts';
import type { UsageRecord } from '../../packages/server/src/storage/records.ts';
import type { KeptFacts } from './kept-facts.ts';
import type { Book } from './producing-upstream.ts';

/** What the checks compare: the store on one side, what was seen from outside on the other. */
export interface Witnesses {
  readonly store: Store;
  readonly facts: KeptFacts;
  readonly book: Book;
  /** Whether several processes use the ledger or the store, so that one of them may be closed while the spool has its progress. */
  readonly several: boolean;
  /** Rows that retention has deleted, as they were before. */
  readonly retired: Map<string, UsageRecord>;
  /** A power failure may have taken the last entries of the spool for this request. */
  mayBeLost(id: string): boolean;
  /** Whether the process of an intent lives. */
  lives(processId: string): boolean;
  readonly nowMs: number;
  readonly keyIds: readonly string[];
  readonly owners: readonly string[];
}

/** The settled and open rows of a store, each id once. */
export interface Rows {
  readonly settled: ReadonlyMap<string, UsageRecord>;
  readonly open: ReadonlyMap<string, UsageRecord>;
}

/** What does not add up, in words. */
export type Complaint = (what: string) => void;

const dayMs = 86_400_000;

export async function readRows(store: Store): Promise<Rows> {
  const settled = new Map<string, UsageRecord>();
  const open = new Map<string, UsageRecord>();
  for (let after: string | undefined; ; ) {
    const page = await store.records({ limit: 1_000, ...(after === undefined ? {} : { after }) });
    for (const row of page.data) (row.status === 'open' ? open : settled).set(row.id, row);
    after = page.data.at(-1)?.id;
    if (!page.hasMore || after === undefined) return { settled, open };
  }
}

/** Every answered request has one row, with the tokens of the book; and no sum differs from its rows. */
export async function checkStore(witnesses: Witnesses, complain: Complaint): Promise<Rows> {
  const rows = await readRows(witnesses.store);
  const all = new Map([...witnesses.retired, ...rows.settled]);
  checkRequests(witnesses, rows, all, complain);
  for (const row of all.values()) checkRow(witnesses, row, complain);
  await checkSums(witnesses, rows, all, complain);
  checkBudgets(witnesses, all, complain);
  return rows;
}

function checkRequests(
  { facts, book, mayBeLost, lives }: Witnesses,
  { open }: Rows,
  all: ReadonlyMap<string, UsageRecord>,
  complain: Complaint,
): void {
  for (const id of book.produced.keys()) {
    if (!all.has(id) && !open.has(id) && !mayBeLost(id)) complain(`${id} reached a target and has no record`);
  }
  for (const id of facts.settled.keys()) {
    if (!all.has(id) && !open.has(id) && !mayBeLost(id))
      complain(`${id} was settled, and its record is lost`);
  }
  for (const id of open.keys()) {
    const processId = facts.intents.get(id)?.processId ?? '';
    if (all.has(id)) complain(`${id} is open and settled`);
    if (!lives(processId)) complain(`${id} is open, and its process ${processId} is dead`);
  }
  for (const id of facts.discarded) {
    if (book.produced.has(id)) complain(`${id} reached a target and was discarded`);
    if (all.has(id) && !mayBeLost(id)) complain(`${id} was discarded and has a record`);
  }
}

function checkRow(
  { facts, book, several, mayBeLost }: Witnesses,
  row: UsageRecord,
  complain: Complaint,
): void {
  const { id, status, promptTokens: prompt, completionTokens: completion } = row;
  const given = `${id} (${status}, ${prompt} + ${completion} tokens)`;
  if (row.costMicroUsd !== prompt + 2 * completion) complain(`${given} costs ${row.costMicroUsd}`);
  const produced = book.produced.get(id);
  const record = facts.settled.get(id);
  const isTrue = record !== undefined && record.status === status && record.completionTokens === completion;
  if (record !== undefined && !isTrue && !mayBeLost(id)) {
    complain(`${given} was settled as ${record.status}, ${record.promptTokens} + ${record.completionTokens}`);
  }
  if (!isTrue) {
    const marks = (facts.marks.get(id) ?? []).map(({ completionTokens }) => completionTokens);
    const possible = several ? [0, ...marks] : [marks.at(-1) ?? 0];
    if (
      !mayBeLost(id) &&
      (!possible.includes(completion) || status !== (completion > 0 ? 'cut' : 'abandoned'))
    ) {
      complain(`${given} was closed after a death, and its progress was ${marks.join(', ')}`);
    }
    if (completion > (produced?.emitted ?? 0))
      complain(`${given} has more than ${produced?.emitted} produced`);
    return;
  }
  if (produced === undefined) {
    complain(`${given} was settled without a target`);
    return;
  }
  const { words, emitted, promptTokens, estimatedPrompt } = produced;
  if (status === 'completed' && completion !== words) complain(`${given}: ${words} were produced`);
  if (status === 'failed' && prompt + completion > 0) complain(`${given}: nothing was delivered`);
  if (completion > emitted) complain(`${given}: ${emitted} were produced`);
  if (prompt !== 0 && prompt !== promptTokens && prompt !== estimatedPrompt) {
    complain(`${given}: the prompt has ${promptTokens} or ${estimatedPrompt} tokens`);
  }
}

/** Spent and reserved of each scope and period, and the sums of the days, are those of the rows. */
async function checkSums(
  { store, facts, nowMs, keyIds, owners }: Witnesses,
  { open }: Rows,
  all: ReadonlyMap<string, UsageRecord>,
  complain: Complaint,
): Promise<void> {
  const scopes = [...keyIds.map((id) => `key:${id}` as const), ...owners.map((id) => `owner:${id}` as const)];
  const date = new Date(nowMs);
  const periods = [0, Math.floor(nowMs / dayMs) * dayMs, Date.UTC(date.getUTCFullYear(), date.getUTCMonth())];
  const asked = scopes.flatMap((scope) => periods.map((sinceMs) => ({ scope, sinceMs })));
  const answers = await store.spent(asked);
  for (const [at, budget] of asked.entries()) {
    const fits = (row: UsageRecord) => isIn(budget, row);
    const reserved = [...open.values()].filter(fits).map(({ id }) => facts.intents.get(id)?.reserved);
    const settled = [...all.values()].filter(fits);
    const expected: Spent = {
      spentTokens: sum(settled, tokensOf),
      spentMicroUsd: sum(settled, ({ costMicroUsd }) => costMicroUsd),
      reservedTokens: sum(reserved, (one) => (one?.promptTokens ?? 0) + (one?.completionTokens ?? 0)),
      reservedMicroUsd: sum(reserved, (one) => (one?.promptMicroUsd ?? 0) + (one?.completionMicroUsd ?? 0)),
    };
    const found = JSON.stringify(answers[at]);
    if (found !== JSON.stringify(expected)) {
      complain(
        `${budget.scope} since ${budget.sinceMs}: ${found}, and its rows say ${JSON.stringify(expected)}`,
      );
    }
  }
  const days = new Map<string, { requests: number; tokens: number }>();
  for (const row of all.values()) {
    const name = `${row.keyId} ${new Date(row.createdAtMs).toISOString().slice(0, 10)}`;
    const day = days.get(name) ?? { requests: 0, tokens: 0 };
    days.set(name, { requests: day.requests + 1, tokens: day.tokens + tokensOf(row) });
  }
  for (const { group, requests, promptTokens, completionTokens } of await store.usage({
    groupBy: ['key', 'day'],
  })) {
    const name = `${group['key_id']} ${group['day']}`;
    const day = days.get(name);
    days.delete(name);
    if (day?.requests !== requests || day.tokens !== promptTokens + completionTokens) {
      complain(
        `usage of ${name}: ${requests} requests, ${promptTokens + completionTokens} tokens; rows: ${JSON.stringify(day)}`,
      );
    }
  }
  for (const name of days.keys()) complain(`usage of ${name} is missing`);
}

/** A budget is exceeded only by what requests have used beyond their reservations in it. */
function checkBudgets(
  { facts }: Witnesses,
  all: ReadonlyMap<string, UsageRecord>,
  complain: Complaint,
): void {
  const budgets = new Map<string, BudgetCheck>();
  for (const { budgets: checks } of facts.intents.values()) {
    for (const check of checks) {
      const name = `${check.scope} ${check.unit} ${check.sinceMs}`;
      const known = budgets.get(name);
      if (known === undefined || known.limit < check.limit) budgets.set(name, check);
    }
  }
  for (const budget of budgets.values()) {
    const rows = [...all.values()].filter((row) => isIn(budget, row));
    const used = budget.unit === 'tokens' ? tokensOf : ({ costMicroUsd }: UsageRecord) => costMicroUsd;
    const reserved = ({ id }: UsageRecord) =>
      reservedIn(budget, facts.intents.get(id), facts.presumed.has(id));
    const beyond = sum(rows, (row) => Math.max(0, used(row) - reserved(row)));
    const spent = sum(rows, used);
    if (spent > budget.limit + beyond) {
      complain(`${JSON.stringify(budget)}: ${spent} were spent, ${beyond} of them beyond reservations`);
    }
  }
}

/** What has been reserved of a budget until the end. `presumed`: it was released earlier, for a process that was thought dead. */
function reservedIn(
  { scope, unit, sinceMs }: BudgetCheck,
  intent: Intent | undefined,
  presumed: boolean,
): number {
  const counts = intent?.budgets.some(
    (check) => check.scope === scope && check.unit === unit && check.sinceMs === sinceMs,
  );
  if (intent === undefined || counts !== true || presumed) return 0;
  const { reserved } = intent;
  return unit === 'tokens'
    ? reserved.promptTokens + reserved.completionTokens
    : reserved.promptMicroUsd + reserved.completionMicroUsd;
}

function isIn({ scope, sinceMs }: Pick<BudgetCheck, 'scope' | 'sinceMs'>, row: UsageRecord): boolean {
  if (row.createdAtMs < sinceMs) return false;
  return scope === `key:${row.keyId}` || scope === `owner:${row.owner}`;
}

function tokensOf({ promptTokens, completionTokens }: UsageRecord): number {
  return promptTokens + completionTokens;
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
