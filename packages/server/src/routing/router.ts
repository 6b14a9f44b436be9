import type { RetryConfig } from '../config/config.ts';
import type { Result } from '../domain/failure.ts';
import type { DecodedRequest } from '../domain/requirements.ts';
import type { Span } from '../telemetry/traces/contract.ts';
import type { TimerQueue } from '../timers/timer-queue.ts';
import type { UpstreamCall } from '../upstreams/contract.ts';
import type { Affinity } from './affinity.ts';
import { createAttemptMachine } from './attempt-machine.ts';
import { type AttemptPlan, type PlanRights, planAttempts } from './attempt-plan.ts';
import type { Catalogue, Model } from './catalogue.ts';
import type { Health } from './health.ts';
import { openSource, type Source } from './source.ts';

/** What a router is built from. */
export interface RouterParts {
  readonly catalogue: Catalogue;
  readonly health: Health;
  /** Shared by the routers of all configurations that this process has had in force. */
  readonly affinity: Affinity;
  readonly retry: RetryConfig;
  /** 0 ≤ x < 1. */
  random(): number;
  /** The clock of the machine, and the timeouts of the attempts. */
  readonly timers: TimerQueue;
}

/** The entry point of routing/: it plans which targets can answer a request, and opens the source of the answer. */
export interface Router {
  /** See {@link planAttempts}. */
  plan(model: Model, asked: DecodedRequest, rights?: PlanRights): Result<AttemptPlan>;
  /** Opens a source. No target is asked before its first pull. */
  open(
    plan: AttemptPlan,
    call: Omit<UpstreamCall, 'model'>,
    /** An estimate of the tokens of the prompt. */
    promptTokens: number,
    signal: AbortSignal,
    /** Called once, before the first event of the committed answer is passed on. */
    onCommit?: () => void,
    /** That of the request. Absent: it is not traced. */
    span?: Span,
  ): Source;
}

/** Creates a router for one configuration. */
export function createRouter({ catalogue, health, affinity, retry, random, timers }: RouterParts): Router {
  const now = () => timers.now();
  return {
    plan: (model, asked, rights) => planAttempts(model, asked, catalogue, rights),
    open: (plan, call, promptTokens, signal, onCommit, span) => {
      const { keyId, request } = call;
      const targets = plan.flat().map(({ target }) => target.name);
      // With a single candidate there is no choice, so the messages are not hashed.
      const choice = targets.length > 1;
      const preferred = choice ? affinity.preferred(keyId, request, targets) : undefined;
      return openSource(call, {
        machine: createAttemptMachine(plan, { retry, health, random, now, preferred }),
        health,
        timers,
        promptTokens,
        signal,
        span,
        onCommit: ({ target }) => {
          if (choice) affinity.remember(keyId, request, target.name);
          onCommit?.();
        },
      });
    },
  };
}
