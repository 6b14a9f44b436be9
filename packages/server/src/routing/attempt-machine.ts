import type { RetryConfig } from '../config/config.ts';
import { type Failure, failure } from '../domain/failure.ts';
import type { AttemptPlan, Candidate } from './attempt-plan.ts';
import { blameOf } from './blame.ts';
import type { Target } from './catalogue.ts';
import type { Health } from './health.ts';

/**
 * Which target is asked next, and when: the rules of failover as a machine without sockets or clocks of its
 * own. Everything that happens is told to it, everything it wants is an {@link Action}.
 *
 *     start ──▶ open T1 ──failed──▶ another target of the same model, at once
 *                                   └ none left ─▶ the same targets again, after a pause
 *                                                  └ none may be asked again ─▶ the fallbacks, likewise
 *                                                                               └ none ─▶ exhausted
 *
 * All of it within one budget: `perTarget` attempts on a target, `total` in all. A failure that is the
 * caller's ends it at once. A target that stayed silent until its timeout, or whose failure is permanent, is
 * not asked twice.
 */
export interface AttemptMachine {
  /** What to do when nothing is at work: at the start, and when the last attempt has failed. */
  next(): Action;
  /** An attempt failed, before or after it committed. */
  failed(candidate: Candidate, reason: Failure, committed: boolean): void;
  /** The first token is late: somebody to ask beside the one at work, or undefined. Never waits. */
  hedge(): Candidate | undefined;
  /** After the commit: somebody to go on with the answer, now. `suits` says who could. */
  takeOver(suits: (candidate: Candidate) => boolean): Candidate | undefined;
  /** Whether {@link next} would still find somebody; changes nothing. */
  canRetry(): boolean;
  /** Whether {@link takeOver} would find somebody; changes nothing. */
  canTakeOver(suits: (candidate: Candidate) => boolean): boolean;
  /** Whether anybody of the plan suits, however it fares at the moment. */
  anySuits(suits: (candidate: Candidate) => boolean): boolean;
}

export type Action =
  | { readonly type: 'open'; readonly candidate: Candidate; readonly afterMs: number }
  | { readonly type: 'exhausted'; readonly failure: Failure };

export interface MachineDeps {
  readonly retry: RetryConfig;
  readonly health: Pick<Health, 'admits' | 'retryInMs' | 'inFlight'>;
  /** 0 ≤ x < 1. */
  random(): number;
  /** Monotonic milliseconds. */
  now(): number;
  /** The target that an earlier turn of this chat warmed, if any. */
  readonly preferred: string | undefined;
}

interface Tried {
  tries: number;
  /** Monotonic milliseconds before which it is not asked again; infinite: never. */
  notBeforeMs: number;
}

export function createAttemptMachine(plan: AttemptPlan, deps: MachineDeps): AttemptMachine {
  const { retry, health } = deps;
  const tried = new Map<Target, Tried>();
  let attempts = 0;
  let last: Failure | undefined;
  /** Set by a failure that no target can cure. */
  let hopeless = false;
  /** Set by a prompt too long for somebody: only models that declare more room are worth a try. */
  let roomBeyond = 0;

  const stages = (): AttemptPlan =>
    roomBeyond === 0 ? plan : plan.map((stage) => stage.filter((one) => roomOf(one) > roomBeyond));

  const mayOpen = () => !hopeless && attempts < retry.total;

  const triedOf = (target: Target): Tried => tried.get(target) ?? { tries: 0, notBeforeMs: 0 };

  const open = (candidate: Candidate, afterMs: number): Action => {
    const before = triedOf(candidate.target);
    tried.set(candidate.target, { ...before, tries: before.tries + 1 });
    attempts += 1;
    return { type: 'open', candidate, afterMs };
  };

  const fresh = (stage: readonly Candidate[]) =>
    stage.filter(({ target }) => triedOf(target).tries === 0 && health.admits(target));

  /** Those that may be asked again, the one due soonest first. */
  const again = (stage: readonly Candidate[]) =>
    stage
      .filter(({ target }) => {
        const { tries, notBeforeMs } = triedOf(target);
        return tries > 0 && tries < retry.perTarget && Number.isFinite(notBeforeMs) && health.admits(target);
      })
      .sort((a, b) => triedOf(a.target).notBeforeMs - triedOf(b.target).notBeforeMs);

  const next = (): Action => {
    if (!mayOpen()) return exhausted();
    for (const stage of stages()) {
      const chosen = draw(fresh(stage), deps);
      if (chosen !== undefined) return open(chosen, 0);
      const [repeat] = again(stage);
      if (repeat !== undefined) {
        return open(repeat, Math.max(0, triedOf(repeat.target).notBeforeMs - deps.now()));
      }
    }
    return exhausted();
  };

  const exhausted = (): Action => ({ type: 'exhausted', failure: last ?? nobodyHealthy(plan, health) });

  const markFailed = (target: Target, reason: Failure) => {
    const record = triedOf(target);
    const pauseMs = pauseBefore(reason, record.tries, deps);
    tried.set(target, { ...record, notBeforeMs: deps.now() + pauseMs });
  };

  return {
    next,
    failed: (candidate, reason, committed) => {
      last = reason;
      // Behind the commit the request has been taken: what is said against it is the target's trouble, or
      // its refusal of a prefill. Only a content policy is never routed around.
      const blame = committed && reason.code !== 'content_policy_violation' ? 'target' : blameOf(reason.code);
      if (blame === 'caller') hopeless = true;
      else if (blame === 'context') roomBeyond = Math.max(roomBeyond, roomOf(candidate), 1);
      else markFailed(candidate.target, reason);
    },
    hedge: () => {
      const chosen = mayOpen() ? firstOf((stage) => draw(fresh(stage), deps)) : undefined;
      if (chosen !== undefined) open(chosen, 0);
      return chosen;
    },
    takeOver: (suits) => {
      const chosen = successor(suits);
      if (chosen !== undefined) open(chosen, 0);
      return chosen;
    },
    canTakeOver: (suits) => successor(suits) !== undefined,
    anySuits: (suits) => plan.some((stage) => stage.some(suits)),
    canRetry: () => mayOpen() && firstOf((stage) => fresh(stage)[0] ?? again(stage)[0]) !== undefined,
  };

  function firstOf(choose: (stage: readonly Candidate[]) => Candidate | undefined): Candidate | undefined {
    for (const stage of stages()) {
      const chosen = choose(stage);
      if (chosen !== undefined) return chosen;
    }
    return undefined;
  }

  function successor(suits: (candidate: Candidate) => boolean): Candidate | undefined {
    if (!mayOpen()) return undefined;
    return firstOf((stage) => {
      const able = stage.filter(suits);
      return draw(fresh(able), deps) ?? again(able)[0];
    });
  }
}

/** Tokens of a candidate's context; 0 where it does not say. */
function roomOf({ model }: Candidate): number {
  return model.contextLength() ?? 0;
}

/** Milliseconds before the same target is asked again; infinite where it is not. */
function pauseBefore(reason: Failure, tries: number, { retry, random }: MachineDeps): number {
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
      // Half fixed, half drawn: clients that failed together do not come back together.
      return backoffMs / 2 + (random() * backoffMs) / 2;
    }
  }
}

/** Lowest priority number first; within it the warm one, the least busy, or drawn by weight. */
function draw(candidates: readonly Candidate[], deps: MachineDeps): Candidate | undefined {
  const [first] = candidates;
  if (first === undefined) return undefined;
  const lowest = Math.min(...candidates.map(({ target }) => target.priority));
  const equals = candidates.filter(({ target }) => target.priority === lowest);
  // A weight of 0 is a target for when there is no other.
  const weighted = equals.filter(({ target }) => target.weight > 0);
  const group = weighted.length > 0 ? weighted : equals;
  if (first.model.balance === 'least_busy') return leastBusy(group, deps);
  const warm = group.find(({ target }) => target.name === deps.preferred);
  return warm ?? drawByWeight(group, deps.random);
}

function leastBusy(
  group: readonly Candidate[],
  { health, random, preferred }: MachineDeps,
): Candidate | undefined {
  // Asked once each: what an upstream tells may change between two questions.
  const loads = group.map(
    ({ target }) =>
      (health.inFlight(target) + (target.upstream.pressure?.(target.model) ?? 0)) /
      Math.max(target.weight, 1e-9),
  );
  const least = Math.min(...loads);
  const idle = group.filter((_, at) => loads[at] === least);
  const warm = idle.find(({ target }) => target.name === preferred);
  if (warm !== undefined) return warm;
  return idle[Math.floor(random() * idle.length)];
}

function drawByWeight(group: readonly Candidate[], random: () => number): Candidate | undefined {
  const total = group.reduce((sum, { target }) => sum + target.weight, 0);
  let point = random() * total;
  const drawn = group.find(({ target }) => {
    point -= target.weight;
    return point < 0;
  });
  return drawn ?? group.at(-1);
}

function nobodyHealthy(plan: AttemptPlan, health: MachineDeps['health']): Failure {
  const waits = plan.flat().map(({ target }) => health.retryInMs(target));
  const message = 'Every target of this model has failed of late; none is asked at the moment.';
  return failure('no_healthy_upstream', message, { retryAfterMs: Math.max(1_000, Math.min(...waits)) });
}
