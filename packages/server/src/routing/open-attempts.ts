import type { ChatRequest } from '../domain/chat-request.ts';
import { estimatePromptTokens } from '../domain/estimate-tokens.ts';
import type { Failure } from '../domain/failure.ts';
import type { Usage } from '../domain/usage.ts';
import type { UpstreamCall } from '../upstreams/contract.ts';
import { type Attempt, startAttempt } from './attempt.ts';
import type { AttemptMachine } from './attempt-machine.ts';
import type { Candidate } from './attempt-plan.ts';
import { countsAgainstHealth } from './blame.ts';
import { commitWhenComplete } from './commit-when-complete.ts';
import type { Continuation } from './continuation.ts';
import type { Health, TrackedRequest } from './health.ts';
import { stallTimeoutMs } from './stall-timeout.ts';

/** The request as every target gets it, but for the model's name there. */
export type Call = Omit<UpstreamCall, 'model'>;

export interface AttemptRecord {
  /** The public id of the model: of a fallback, its own. */
  readonly model: string;
  readonly target: string;
  readonly mode: 'first' | 'hedge' | 'prefix' | 'replay';
  outcome: 'open' | 'served' | 'failed' | 'lost' | 'aborted';
  failure?: Failure;
  /** What it has used: as the target reported it, else estimated; absent where it has said nothing. */
  usage?: Usage;
  /** Tokens of it that the client has had: none of a hedge that lost, or of what a replay said once more. */
  deliveredTokens: number;
}

/** A target that was asked: its attempt, its line in the record, its count in the health record. */
export interface OpenAttempt {
  readonly candidate: Candidate;
  readonly attempt: Attempt;
  readonly record: AttemptRecord;
  readonly tracked: TrackedRequest;
  readonly continuation: Continuation | undefined;
}

/** Everything that one request has open. Whatever is opened here is closed here, with its outcome. */
export interface OpenAttempts {
  open(candidate: Candidate, mode: AttemptRecord['mode'], continuation?: Continuation): OpenAttempt;
  /** Nothing where it is closed already. */
  close(opened: OpenAttempt, outcome: AttemptRecord['outcome']): Promise<void>;
  /** Closes it, and tells health and machine why; `committed` where the client has seen something of the answer. */
  fail(opened: OpenAttempt, reason: Failure, committed: boolean): Promise<void>;
  closeOthers(kept: OpenAttempt | undefined, outcome: AttemptRecord['outcome']): Promise<void>;
  /** Somebody has said something, though an answer that does not stream commits later. */
  readonly begun: boolean;
  readonly records: readonly AttemptRecord[];
}

export interface OpenAttemptsDeps {
  readonly machine: AttemptMachine;
  readonly health: Health;
  readonly signal: AbortSignal;
  /** Told of every target that is asked, as it is asked. */
  onAttempt(target: string): void;
  /** Monotonic milliseconds. */
  now(): number;
}

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
      const timeoutMs = () => stallTimeoutMs(timeouts.stallMs, machine.canRetry());
      const onBegun = () => {
        begun = true;
        tracked.answered();
      };
      const attempt = request.stream ? started : commitWhenComplete(started, request.n, timeoutMs, onBegun);
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
  if (usage !== undefined || tokens === 0) return usage;
  // What it was to go on with is prompt to it.
  const promptTokens = estimatePromptTokens(request) + (continuation?.prefixTokens ?? 0);
  return { promptTokens, completionTokens: tokens, estimated: true };
}
