import type { RetryConfig } from '../config/config.ts';
import { type Failure, failure } from '../domain/failure.ts';
import type { AttemptPlan, Candidate } from './attempt-plan.ts';
import { blameOf } from './blame.ts';
import type { Target } from './catalogue.ts';
import type { Health } from './health.ts';

/**
 * Decides which target is asked next, and when: the rules of failover as a state machine without sockets or timers. Its
 * owner reports each failure to it and carries out each {@link Action} that it returns.
 *
 *     start ──▶ open T1 ──failed──▶ another target of the same model, at once
 *                                   └ none left ─▶ a target of this model again, after a pause
 *                                                  └ none may be asked again ─▶ the next fallback model, in the same way
 *                                                                               └ none left ─▶ exhausted
 *
 * One budget bounds all attempts of a request: `perTarget` attempts on each target, `total` in all. A failure that blames
 * the request (`blame.ts`) ends it at once. A target is not asked again after a first-token timeout, after a permanent
 * failure, or after a failure that a short pause does not cure (`pauseBefore`).
 */
export interface AttemptMachine {
  /**
   * Chooses the next action while no attempt is open: at the start, and when the last open attempt has failed. An `open`
   * action counts as an attempt at once, so the caller must carry it out.
   */
  next(): Action;
  /** Reports that an attempt failed; `committed`: it failed after its commit. */
  failed(candidate: Candidate, reason: Failure, committed: boolean): void;
  /**
   * A second candidate, for an attempt beside the open one; undefined where none may be asked now. It counts as an attempt
   * at once, so the caller must ask it.
   */
  hedge(): Candidate | undefined;
  /**
   * A candidate to continue a committed answer now, among those that `suits` accepts; undefined where there is none. It
   * counts as an attempt at once, so the caller must ask it.
   */
  takeOver(suits: (candidate: Candidate) => boolean): Candidate | undefined;
  /** Whether {@link next} would return a candidate. Changes nothing. */
  canRetry(): boolean;
  /** Whether {@link takeOver} would return a candidate. Changes nothing. */
  canTakeOver(suits: (candidate: Candidate) => boolean): boolean;
  /** Whether `suits` accepts any candidate of the plan, healthy or not. */
  anySuits(suits: (candidate: Candidate) => boolean): boolean;
}

/** Open an attempt after `afterMs` milliseconds, or give up with `failure`. */
export type Action =
  | { readonly type: 'open'; readonly candidate: Candidate; readonly afterMs: number }
  | { readonly type: 'exhausted'; readonly failure: Failure };

/** The configuration, health and randomness by which the machine decides. */
export interface AttemptMachineDeps {
  readonly retry: RetryConfig;
  readonly health: Pick<Health, 'admits' | 'retryInMs' | 'inFlight'>;
  /** 0 ≤ x < 1. */
  random(): number;
  /** Monotonic milliseconds. */
  now(): number;
  /** The name of the target whose cache holds the beginning of this chat, if any. */
  readonly preferred: string | undefined;
}

/** The attempts of this request on one target. */
interface Tries {
  readonly target: Target;
  count: number;
  /** The target is not asked again before this time, in monotonic milliseconds; infinite: never. */
  notBeforeMs: number;
}

/** Creates the machine for one request. */
export function createAttemptMachine(plan: AttemptPlan, deps: AttemptMachineDeps): AttemptMachine {
  return new PlannedAttempts(plan, deps);
}

type Suits = (candidate: Candidate) => boolean;

class PlannedAttempts implements AttemptMachine {
  private readonly plan: AttemptPlan;
  private readonly deps: AttemptMachineDeps;
  /** The targets that were asked: mostly one, so a search in a list is as quick as in a map. */
  private tries: readonly Tries[] = noTries;
  private attempts = 0;
  private last: Failure | undefined;
  /** True after a failure that blames the request: every other target would refuse the request too. */
  private callerAtFault = false;
  /** The largest context, in tokens, that was too small for the prompt: only candidates that declare more are asked. */
  private tooSmallContext = 0;

  constructor(plan: AttemptPlan, deps: AttemptMachineDeps) {
    this.plan = plan;
    this.deps = deps;
  }

  next(): Action {
    if (!this.mayOpen()) return this.exhausted();
    for (const group of this.groups()) {
      const chosen = this.chooseUntried(group);
      if (chosen !== undefined) return this.open(chosen, 0);
      const repeat = this.repeatable(group);
      if (repeat !== undefined) {
        const { notBeforeMs = 0 } = this.triesOf(repeat.target) ?? {};
        return this.open(repeat, Math.max(0, notBeforeMs - this.deps.now()));
      }
    }
    return this.exhausted();
  }

  failed(candidate: Candidate, reason: Failure, committed: boolean): void {
    this.last = reason;
    // After the commit the request is known to be valid. So a later refusal is a problem of this target, for example
    // because it does not accept a prefix. But a request that violates a content policy is never sent to another target.
    const blame = committed && reason.code !== 'content_policy_violation' ? 'target' : blameOf(reason.code);
    if (blame === 'caller') this.callerAtFault = true;
    else if (blame === 'context') {
      this.tooSmallContext = Math.max(this.tooSmallContext, contextOf(candidate), 1);
    } else this.postpone(candidate.target, reason);
  }

  hedge(): Candidate | undefined {
    if (!this.mayOpen()) return undefined;
    return this.opened(this.firstOf((group) => this.chooseUntried(group)));
  }

  takeOver(suits: Suits): Candidate | undefined {
    return this.opened(this.successor(suits));
  }

  canTakeOver(suits: Suits): boolean {
    return this.successor(suits) !== undefined;
  }

  anySuits(suits: Suits): boolean {
    return this.plan.some((group) => group.some(suits));
  }

  canRetry(): boolean {
    if (!this.mayOpen()) return false;
    return this.groups().some(
      (group) => group.some((one) => this.isUntried(one)) || this.repeatable(group) !== undefined,
    );
  }

  /** The candidates of each model of the plan that may still take this prompt. */
  private groups(): AttemptPlan {
    const { tooSmallContext } = this;
    if (tooSmallContext === 0) return this.plan;
    return this.plan.map((group) => group.filter((candidate) => contextOf(candidate) > tooSmallContext));
  }

  private mayOpen(): boolean {
    return !this.callerAtFault && this.attempts < this.deps.retry.total;
  }

  private triesOf(target: Target): Tries | undefined {
    return this.tries.find((tried) => tried.target === target);
  }

  private open(candidate: Candidate, afterMs: number): Action {
    const tried = this.triesOf(candidate.target);
    if (tried === undefined) {
      this.tries = this.tries.concat({ target: candidate.target, count: 1, notBeforeMs: 0 });
    } else tried.count += 1;
    this.attempts += 1;
    return { type: 'open', candidate, afterMs };
  }

  private opened(candidate: Candidate | undefined): Candidate | undefined {
    if (candidate !== undefined) this.open(candidate, 0);
    return candidate;
  }

  private isUntried({ target }: Candidate): boolean {
    return this.triesOf(target) === undefined && this.deps.health.admits(target);
  }

  private chooseUntried(group: readonly Candidate[]): Candidate | undefined {
    return choose(
      group.filter((one) => this.isUntried(one)),
      this.deps,
    );
  }

  /** Of the candidates that may be asked once more, the one that is due first. */
  private repeatable(group: readonly Candidate[]): Candidate | undefined {
    const { retry, health } = this.deps;
    let first: Candidate | undefined;
    let firstMs = Number.POSITIVE_INFINITY;
    for (const candidate of group) {
      const tried = this.triesOf(candidate.target);
      if (tried === undefined || tried.count >= retry.perTarget || tried.notBeforeMs >= firstMs) continue;
      if (!health.admits(candidate.target)) continue;
      first = candidate;
      firstMs = tried.notBeforeMs;
    }
    return first;
  }

  private exhausted(): Action {
    return { type: 'exhausted', failure: this.last ?? noHealthyTarget(this.plan, this.deps.health) };
  }

  /** The target is not asked again before the pause after this failure is over. */
  private postpone(target: Target, reason: Failure): void {
    const tried = this.triesOf(target);
    if (tried === undefined) return;
    tried.notBeforeMs = this.deps.now() + pauseBefore(reason, tried.count, this.deps);
  }

  private firstOf(chooseFrom: (group: readonly Candidate[]) => Candidate | undefined): Candidate | undefined {
    for (const group of this.groups()) {
      const chosen = chooseFrom(group);
      if (chosen !== undefined) return chosen;
    }
    return undefined;
  }

  private successor(suits: Suits): Candidate | undefined {
    if (!this.mayOpen()) return undefined;
    return this.firstOf((group) => {
      const suitable = group.filter(suits);
      return this.chooseUntried(suitable) ?? this.repeatable(suitable);
    });
  }
}

const noTries: readonly Tries[] = [];

/** Tokens of the context that a candidate's model declares; 0 where it declares none. */
function contextOf({ model }: Candidate): number {
  return model.contextLength() ?? 0;
}

/** Milliseconds before the same target may be asked again after this failure; infinite: never. */
function pauseBefore(reason: Failure, tries: number, { retry, random }: AttemptMachineDeps): number {
  if (reason.permanent === true || blameOf(reason.code) !== 'target') return Number.POSITIVE_INFINITY;
  switch (reason.code) {
    case 'first_token_timeout':
    case 'upstream_auth':
    case 'overloaded':
    case 'draining':
    case 'no_healthy_upstream':
    case 'insufficient_quota':
      return Number.POSITIVE_INFINITY;
    case 'rate_limit_exceeded': {
      const saidMs = reason.retryAfterMs ?? 0;
      const waitMs = saidMs > 0 ? saidMs : retry.backoffMs;
      return waitMs <= retry.honourRetryAfterMs ? waitMs : Number.POSITIVE_INFINITY;
    }
    default: {
      const backoffMs = retry.backoffMs * 2 ** Math.max(0, tries - 1);
      // One half is fixed and one is random: requests that failed together are not repeated together.
      return backoffMs / 2 + (random() * backoffMs) / 2;
    }
  }
}

/**
 * Chooses among the candidates with the lowest priority number. With `least_busy`: the least busy one. Else: the preferred
 * one, or one that is drawn by weight. Undefined where the list is empty.
 */
function choose(candidates: readonly Candidate[], deps: AttemptMachineDeps): Candidate | undefined {
  const [first] = candidates;
  if (first === undefined || candidates.length === 1) return first;
  const lowest = Math.min(...candidates.map(({ target }) => target.priority));
  const equals = candidates.filter(({ target }) => target.priority === lowest);
  // A target of weight 0 is asked only where all have weight 0.
  const weighted = equals.filter(({ target }) => target.weight > 0);
  const eligible = weighted.length > 0 ? weighted : equals;
  if (first.model.balance === 'least_busy') return leastBusy(eligible, deps);
  const preferred = eligible.find(({ target }) => target.name === deps.preferred);
  return preferred ?? drawByWeight(eligible, deps.random);
}

function leastBusy(
  candidates: readonly Candidate[],
  { health, random, preferred }: AttemptMachineDeps,
): Candidate | undefined {
  // Each load is read once: the pressure of an upstream may change between two reads.
  const loads = candidates.map(
    ({ target }) =>
      (health.inFlight(target) + (target.upstream.pressure?.(target.model) ?? 0)) /
      Math.max(target.weight, 1e-9),
  );
  const least = Math.min(...loads);
  const idlest = candidates.filter((_, at) => loads[at] === least);
  const preferredOne = idlest.find(({ target }) => target.name === preferred);
  if (preferredOne !== undefined) return preferredOne;
  return idlest[Math.floor(random() * idlest.length)];
}

function drawByWeight(candidates: readonly Candidate[], random: () => number): Candidate | undefined {
  const total = candidates.reduce((sum, { target }) => sum + target.weight, 0);
  let point = random() * total;
  const drawn = candidates.find(({ target }) => {
    point -= target.weight;
    return point < 0;
  });
  return drawn ?? candidates.at(-1);
}

function noHealthyTarget(plan: AttemptPlan, health: AttemptMachineDeps['health']): Failure {
  const waits = plan.flat().map(({ target }) => health.retryInMs(target));
  const message = 'Every target of this model has failed of late; none is asked at the moment.';
  return failure('no_healthy_upstream', message, { retryAfterMs: Math.max(1_000, Math.min(...waits)) });
}
