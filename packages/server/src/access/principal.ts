import type { LimitScope } from '../limits/contract.ts';
import { budgetPeriod } from '../storage/budget-period.ts';
import type { BudgetCheck, Owner, StoredKey } from '../storage/contract.ts';
import type { Budget, Limits } from '../storage/keys.ts';
import { createModelRights, type ModelList, type ModelRights } from './model-rights.ts';
import type { Session } from './sessions.ts';

/**
 * The sender of a request, as its key identifies it: who pays, and what the key may do. Made once for each version of a key
 * and its owner, and shared by all requests of the key.
 */
export interface Principal {
  /** Derived from a fixed key, made for a stored one; the same on every replica. Never the key itself. */
  readonly keyId: string;
  readonly owner: string;
  readonly admin: boolean;
  /** The limits of the key and of its owner, as far as they have any. */
  readonly scopes: readonly LimitScope[];
  /** The budgets of the key and of its owner, in their periods at this time (Unix milliseconds). */
  budgets(nowMs: number): readonly BudgetCheck[];
  readonly models: ModelRights;
  /** Where the usage goes in its streams, unless a request says otherwise; undefined: as the deployment has it. */
  readonly usageChunk: 'inline' | 'separate' | undefined;
  /** Whether its prompts and answers are kept; undefined: as the model and the configuration say. */
  readonly logContent: boolean | undefined;
  /** The only stream that the sender may read and cancel, where a signed address stands for its key. */
  readonly onlyStream: string | undefined;
  /** The session of the console, where its cookie stands for a key. */
  readonly session: PresentedSession | undefined;
}

/** A session by which a request has come. */
export interface PresentedSession extends Session {
  /** `Set-Cookie` for the answer, where the session was renewed just now. */
  readonly cookie?: string;
}

/** Whether a sender may read and cancel a stream: its own key has started it, or its address of this stream was signed. */
export function mayUseStream(
  sender: Pick<Principal, 'keyId' | 'onlyStream'>,
  stream: { readonly id: string; readonly keyId: string },
): boolean {
  return sender.onlyStream === undefined ? sender.keyId === stream.keyId : sender.onlyStream === stream.id;
}

export interface PrincipalParts {
  readonly keyId: string;
  readonly admin: boolean;
  /** The key's own limits. */
  readonly key: Limits & Pick<StoredKey, 'usageChunk' | 'logContent'>;
  /** Undefined where the owner is not stored. */
  readonly owner: Owner | undefined;
  readonly ownerId: string;
  /** The limits of each key that has none of its own. */
  readonly defaults: Rates;
}

type Rates = { readonly [Name in (typeof rateNames)[number]]?: number | undefined };

const rateNames = ['requestsPerMinute', 'tokensPerMinute', 'maxStreams'] as const;

export function createPrincipal({ keyId, admin, key, owner, ownerId, defaults }: PrincipalParts): Principal {
  const ofKey = `key:${keyId}` as const;
  const ofOwner = `owner:${ownerId}` as const;
  const own: Rates = {
    requestsPerMinute: key.requestsPerMinute ?? defaults.requestsPerMinute,
    tokensPerMinute: key.tokensPerMinute ?? defaults.tokensPerMinute,
    maxStreams: key.maxStreams ?? defaults.maxStreams,
  };
  const budgets: ScopedBudget[] = [
    ...(key.budget === undefined ? [] : [{ scope: ofKey, budget: key.budget }]),
    ...(owner?.budget === undefined ? [] : [{ scope: ofOwner, budget: owner.budget }]),
  ];
  const lists: ModelList[] = [
    ...(key.models === undefined ? [] : [{ of: 'This key', models: key.models }]),
    ...(owner?.models === undefined ? [] : [{ of: `The owner '${ownerId}'`, models: owner.models }]),
  ];
  return {
    keyId,
    owner: ownerId,
    admin,
    scopes: [...scope(ofKey, own), ...scope(ofOwner, owner ?? {})],
    budgets:
      budgets.length === 0
        ? () => noBudgets
        : (nowMs) => budgets.map((one) => checkOf(one.scope, one.budget, nowMs)),
    models: createModelRights(lists),
    usageChunk: key.usageChunk,
    logContent: key.logContent,
    onlyStream: undefined,
    session: undefined,
  };
}

interface ScopedBudget {
  readonly scope: BudgetCheck['scope'];
  readonly budget: Budget;
}

const noBudgets: readonly BudgetCheck[] = [];

function checkOf(scope: BudgetCheck['scope'], { unit, limit, period }: Budget, nowMs: number): BudgetCheck {
  return { scope, unit, limit, period, sinceMs: budgetPeriod(period, nowMs).sinceMs };
}

/** One scope, or none where it has no limit. */
function scope(name: string, rates: Rates): LimitScope[] {
  const given = rateNames.filter((rate) => rates[rate] !== undefined);
  if (given.length === 0) return [];
  return [{ scope: name, ...Object.fromEntries(given.map((rate) => [rate, rates[rate]])) }];
}
