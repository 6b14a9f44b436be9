import type { ChatRequest } from '../domain/chat-request.ts';
import { estimatePromptTokens } from '../domain/estimate-tokens.ts';
import { type Failure, fail, failure, ok, type Result } from '../domain/failure.ts';
import type { Admission, Ledger } from '../ledger/contract.ts';
import type { LimitScope, Windows } from '../limits/contract.ts';
import type { AttemptPlan } from '../routing/attempt-plan.ts';
import { budgetPeriod } from '../storage/budget-period.ts';
import type { BudgetCheck } from '../storage/contract.ts';
import type { AdmissionResult, Instruments } from '../telemetry/contract.ts';
import type { LikelyCompletion } from './likely-completion.ts';
import { OpenRecord, type OpenRecords } from './open-record.ts';
import type { Prices } from './prices.ts';

/** Who pays for a request: a key and its owner, with the limits of both. */
export interface Payer {
  readonly keyId: string;
  readonly owner: string;
  /** The scopes that have limits of requests, tokens or streams. */
  readonly scopes: readonly LimitScope[];
  /** The budgets of key and owner in the periods of this time. */
  budgets(nowMs: number): readonly BudgetCheck[];
}

/** A request that has a plan and is about to start. */
export interface MeteredRequest {
  /** The id of its completion. */
  readonly id: string;
  readonly requestId: string;
  readonly payer: Payer;
  /** The public id of the model; the request may name an alias. */
  readonly modelId: string;
  readonly request: ChatRequest;
  readonly plan: AttemptPlan;
  readonly tags: Readonly<Record<string, string>>;
}

/** An admitted request: its reservation is held, and its intent stored, until its record is settled. */
export interface Metered {
  /** The plan, without targets that a dollar budget cannot pay. */
  readonly plan: AttemptPlan;
  /** An estimate of the prompt's tokens, by which it was admitted. */
  readonly promptTokens: number;
  readonly record: OpenRecord;
}

/** Admits requests, and makes a usage record of each. */
export interface Meter {
  /**
   * Failures: `rate_limit_exceeded`, `insufficient_quota`, `storage_unavailable`, and `model_not_allowed` where a dollar budget
   * meets a model without a price. `windows`: what is left of the limits, for the headers of the answer.
   */
  admit(request: MeteredRequest): Promise<Result<Metered> & { readonly windows?: Windows }>;
  /** What is left of the limits, without taking anything. */
  look(payer: Payer): Promise<Windows>;
}

export interface MeterParts {
  readonly ledger: Pick<Ledger, 'admit' | 'look'>;
  readonly prices: Prices;
  readonly likely: LikelyCompletion;
  readonly records: OpenRecords;
  readonly instruments: Pick<Instruments, 'admissions' | 'admissionUs'>;
  /** Unix milliseconds. */
  clock(): number;
  /** Monotonic milliseconds. */
  now(): number;
}

export function createMeter({ ledger, prices, likely, records, instruments, clock, now }: MeterParts): Meter {
  return {
    async admit({ id, requestId, payer, modelId, request, plan: given, tags }) {
      const createdAtMs = clock();
      const budgets = payer.budgets(createdAtMs);
      const inDollars = budgets.some(({ unit }) => unit === 'usd');
      const plan = inDollars ? withPrice(given, prices) : given;
      if (plan.length === 0) return fail(withoutPrice(request.model, budgets));
      const promptTokens = estimatePromptTokens(request);
      const most = Math.min(request.maxTokens ?? Number.POSITIVE_INFINITY, contextLeft(plan, promptTokens));
      const completionTokens = likely.of(modelId, most) * request.n;
      const candidates = inDollars ? plan.flat() : [];
      const promptMicroUsd = prices.dearestCost(candidates, promptTokens, 0);
      const totalMicroUsd = prices.dearestCost(candidates, promptTokens, completionTokens);
      const user = request.rest['user'] ?? request.rest['safety_identifier'];
      const known = {
        id,
        requestId,
        keyId: payer.keyId,
        owner: payer.owner,
        tags,
        model: request.model,
        createdAtMs,
        budgets,
      };
      const facts = typeof user === 'string' ? { ...known, user } : known;
      const reserved = {
        promptTokens,
        completionTokens,
        promptMicroUsd,
        completionMicroUsd: totalMicroUsd - promptMicroUsd,
      };
      const askedMs = now();
      const admission = await ledger.admit({ scopes: payer.scopes, intent: { ...facts, reserved } });
      instruments.admissionUs.note(Math.round((now() - askedMs) * 1_000));
      instruments.admissions.of(resultOf(admission)).add(1);
      if (admission.type !== 'admitted') {
        const windows = 'windows' in admission ? { windows: admission.windows } : {};
        return { ...fail(refusal(admission, payer.scopes, createdAtMs)), ...windows };
      }
      const { windows } = admission;
      // The ledger's thread has sent a copy of the scopes; a stream keeps those of its key.
      const lease = { ...admission.lease, scopes: payer.scopes };
      return {
        ...ok({
          plan,
          promptTokens,
          record: new OpenRecord(records, facts, lease, { modelId, n: request.n, stream: request.stream }),
        }),
        windows,
      };
    },
    look: ({ scopes }) => ledger.look(scopes),
  };
}

/** Under a dollar budget every token must have a price. */
function withPrice(plan: AttemptPlan, prices: Prices): AttemptPlan {
  return plan.map((group) => group.filter(prices.hasPrice)).filter((group) => group.length > 0);
}

/**
 * The tokens that the largest context of the plan leaves for an answer: `max_tokens` above it is capped there. At least one,
 * because the prompt's tokens are an estimate.
 */
function contextLeft(plan: AttemptPlan, promptTokens: number): number {
  let largest = 0;
  for (const group of plan) {
    for (const { model } of group)
      largest = Math.max(largest, model.contextLength() ?? Number.POSITIVE_INFINITY);
  }
  return Math.max(1, largest - promptTokens);
}

function resultOf(admission: Admission): AdmissionResult {
  switch (admission.type) {
    case 'limited':
      return admission.limit;
    case 'over-budget':
      return 'budget';
    case 'unavailable':
      return admission.what === 'limits' ? 'limits-away' : 'records-away';
    case 'admitted':
      return 'admitted';
  }
}

type Refused = Exclude<Admission, { readonly type: 'admitted' }>;

function refusal(admission: Refused, scopes: readonly LimitScope[], nowMs: number): Failure {
  switch (admission.type) {
    case 'limited':
      return limited(admission, scopes);
    case 'over-budget':
      return overBudget(admission.refused, nowMs);
    case 'unavailable':
      return failure(
        'storage_unavailable',
        admission.what === 'limits'
          ? 'The store of the limits does not answer, so this request cannot be admitted now.'
          : 'The store of the usage records does not answer, so this request cannot be admitted now.',
        { retryAfterMs: 1_000 },
      );
  }
}

const limitNames = {
  requests: { member: 'requestsPerMinute', noun: 'request', each: 'a minute' },
  tokens: { member: 'tokensPerMinute', noun: 'token', each: 'a minute' },
  streams: { member: 'maxStreams', noun: 'request', each: 'at the same time' },
} as const;

function limited(
  { limit, scope, retryAfterMs }: Extract<Refused, { type: 'limited' }>,
  scopes: readonly LimitScope[],
): Failure {
  const { member, noun, each } = limitNames[limit];
  const most = scopes.find((one) => one.scope === scope)?.[member] ?? 0;
  return failure(
    'rate_limit_exceeded',
    `The limit of ${payerOf(scope)} is reached: ${most} ${noun}${most === 1 ? '' : 's'} ${each}.`,
    { retryAfterMs },
  );
}

function overBudget(
  { why, budget }: Extract<Refused, { type: 'over-budget' }>['refused'],
  nowMs: number,
): Failure {
  const { scope, unit, limit, period } = budget;
  const amount = unit === 'tokens' ? `${limit} tokens` : `${limit / 1_000_000} dollars`;
  const each = period === 'total' ? 'in total' : `a ${period}`;
  const what = `The budget of ${payerOf(scope)} (${amount} ${each})`;
  if (why === 'reserved') {
    const message = `${what} is reserved by requests that are running now. Try again when some have ended.`;
    return failure('rate_limit_exceeded', message, { retryAfterMs: 1_000 });
  }
  const { untilMs } = budgetPeriod(period, nowMs);
  const again =
    untilMs === null
      ? 'Ask the operator to raise it.'
      : `It begins again at ${new Date(untilMs).toISOString().replace('.000Z', 'Z')}.`;
  return failure('insufficient_quota', `${what} does not cover this request any more. ${again}`);
}

function payerOf(scope: string): string {
  return scope.startsWith('owner:') ? "this key's owner" : 'this key';
}

function withoutPrice(model: string, budgets: readonly BudgetCheck[]): Failure {
  const scope = budgets.find(({ unit }) => unit === 'usd')?.scope ?? '';
  const message =
    `The budget of ${payerOf(scope)} is in dollars, and no target of the model '${model}' has a price. ` +
    'Use another model, or ask the operator to give this one a price.';
  return failure('model_not_allowed', message, { param: 'model' });
}
