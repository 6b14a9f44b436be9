import type { ChatRequest } from '../domain/chat-request.ts';
import { estimatePromptTokens } from '../domain/estimate-tokens.ts';
import type { Failure } from '../domain/failure.ts';
import { type Usage, withEstimates } from '../domain/usage.ts';
import type { UpstreamCall } from '../upstreams/contract.ts';
import { type Attempt, startAttempt } from './attempt.ts';
import type { AttemptMachine } from './attempt-machine.ts';
import type { Candidate } from './attempt-plan.ts';
import { countsAgainstHealth } from './blame.ts';
import { commitWhenComplete } from './commit-when-complete.ts';
import type { Continuation } from './continuation.ts';
import type { Health, TrackedRequest } from './health.ts';
import { stallTimeoutMs } from './stall-timeout.ts';

/** The request as every target gets it, without the model's name there. */
export type Call = Omit<UpstreamCall, 'model'>;

/** One attempt, as the log line shows it. */
export interface AttemptRecord {
  /** The public id of the model; that of the fallback where the target is one of a fallback. */
  readonly model: string;
  readonly target: string;
  readonly mode: 'first' | 'hedge' | 'prefix' | 'replay';
  outcome: 'open' | 'served' | 'failed' | 'lost' | 'aborted';
  failure?: Failure;
  /** As the target reported it, else estimated; absent where the target sent no output. */
  usage?: Usage;
  /** Tokens that the client has received: 0 for a hedge that lost, and only the new ones of a replay. */
  deliveredTokens: number;
}

/** An attempt that is open, with its record and its entry in the health of its target. */
export interface OpenAttempt {
  readonly candidate: Candidate;
  readonly attempt: Attempt;
  readonly record: AttemptRecord;
  readonly tracked: TrackedRequest;
  readonly continuation: Continuation | undefined;
}

/** The open attempts of one request. It opens each attempt, and closes it with its outcome in the record. */
export interface OpenAttempts {
  /** Asks the candidate's target. `continuation`: for a takeover, its call replaces the ordinary call. */
  open(candidate: Candidate, mode: AttemptRecord['mode'], continuation?: Continuation): OpenAttempt;
  /** Closes an attempt. Does nothing where it is closed already. */
  close(opened: OpenAttempt, outcome: AttemptRecord['outcome']): Promise<void>;
  /** Closes an attempt that failed, and reports the failure to the health of the target and to the attempt machine. */
  fail(opened: OpenAttempt, reason: Failure, committed: boolean): Promise<void>;
  /** Closes every open attempt except `kept`. */
  closeOthers(kept: OpenAttempt | undefined, outcome: AttemptRecord['outcome']): Promise<void>;
  /** True once any attempt of an answer that does not stream has sent output, also after that attempt has failed. */
  readonly begun: boolean;
  /** One for each attempt, open or closed, in the order in which they were opened. */
  readonly records: readonly AttemptRecord[];
}

/** What the attempts of one request share; an abort of `signal` ends them all. */
export interface OpenAttemptsDeps {
  readonly machine: AttemptMachine;
  readonly health: Health;
  readonly signal: AbortSignal;
  /** Called with the name of each target when it is asked. */
  onAttempt(target: string): void;
  /** Monotonic milliseconds. */
  now(): number;
}

/** Creates it without an open attempt. The owner closes all with `closeOthers(undefined, …)`. */
export function createOpenAttempts(call: Call, deps: OpenAttemptsDeps): OpenAttempts {
  const { machine, health, signal, now } = deps;
  const { request }: { readonly request: ChatRequest } = call;
  const records: AttemptRecord[] = [];
  const open = new Set<OpenAttempt>();
  let begun = false;

  async function end(
    opened: OpenAttempt,
    outcome: AttemptRecord['outcome'],
    reason?: Failure,
  ): Promise<void> {
    if (!open.delete(opened)) return;
    opened.record.outcome = outcome;
    const usage = usageOf(opened, request);
    if (usage !== undefined) opened.record.usage = usage;
    if (reason !== undefined) {
      opened.record.failure = reason;
      if (countsAgainstHealth(reason)) opened.tracked.failed();
    }
    if (outcome === 'served') opened.tracked.succeeded();
    opened.tracked.end();
    await opened.attempt.close();
  }

  return {
    open: (candidate, mode, continuation) => {
      const record: AttemptRecord = {
        target: candidate.target.name,
        model: candidate.model.id,
        mode,
        outcome: 'open',
        deliveredTokens: 0,
      };
      const { timeouts } = candidate.model;
      records.push(record);
      deps.onAttempt(record.target);
      const started = startAttempt(candidate, continuation?.call ?? call, { timeouts, now }, signal);
      const tracked = health.begin(candidate.target);
      const stallTimeout = () => stallTimeoutMs(timeouts.stallMs, machine.canRetry());
      const onBegun = () => {
        begun = true;
        tracked.answered();
      };
      const attempt = request.stream
        ? started
        : commitWhenComplete(started, request.n, stallTimeout, onBegun);
      const opened = { candidate, attempt, record, tracked, continuation };
      open.add(opened);
      return opened;
    },
    close: (opened, outcome) => end(opened, outcome),
    fail: async (opened, reason, committed) => {
      await end(opened, 'failed', reason);
      machine.failed(opened.candidate, reason, committed);
    },
    closeOthers: async (kept, outcome) => {
      for (const opened of [...open]) if (opened !== kept) await end(opened, outcome);
    },
    get begun() {
      return begun;
    },
    records,
  };
}

function usageOf({ attempt, continuation }: OpenAttempt, request: ChatRequest): Usage | undefined {
  const { tokens, usage } = attempt.count;
  if (usage === undefined && tokens === 0) return undefined;
  return withEstimates(usage, {
    // A prefix is part of the prompt for the target that continues it.
    promptTokens: () => estimatePromptTokens(request) + (continuation?.prefixTokens ?? 0),
    completionTokens: () => tokens,
  });
}
