import type { ChatRequest } from '../domain/chat-request.ts';
import { estimatePromptTokens } from '../domain/estimate-tokens.ts';
import type { Failure } from '../domain/failure.ts';
import type { Usage } from '../domain/usage.ts';
import type { UpstreamCall } from '../upstreams/contract.ts';
import { type Attempt, openAttempt } from './attempt.ts';
import type { AttemptMachine } from './attempt-machine.ts';
import type { Candidate } from './attempt-plan.ts';
import { countsAgainstHealth } from './blame.ts';
import type { Continuation } from './continuation.ts';
import type { Health, Visit } from './health.ts';
import { stallPatience } from './stall-patience.ts';
import { holdWhole } from './whole-attempt.ts';

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

/** A target at work: its attempt, its line in the record, its visit in the health book. */
export interface Work {
  readonly candidate: Candidate;
  readonly attempt: Attempt;
  readonly record: AttemptRecord;
  readonly visit: Visit;
  readonly continuation: Continuation | undefined;
}

/** Everything that one request has open. Whatever is opened here is closed here, with its outcome. */
export interface Works {
  open(candidate: Candidate, mode: AttemptRecord['mode'], continuation?: Continuation): Work;
  /** Nothing where it is closed already. */
  close(work: Work, outcome: AttemptRecord['outcome']): Promise<void>;
  /** Closes it, and tells health and machine why; `committed` where the client has seen something of the answer. */
  fail(work: Work, reason: Failure, committed: boolean): Promise<void>;
  closeOthers(kept: Work | undefined, outcome: AttemptRecord['outcome']): Promise<void>;
  /** Somebody has said something, though an answer that does not stream commits later. */
  readonly begun: boolean;
  readonly records: readonly AttemptRecord[];
}

export interface WorksDeps {
  readonly machine: AttemptMachine;
  readonly health: Health;
  readonly signal: AbortSignal;
  /** Told of every target that is asked, as it is asked. */
  onAttempt(target: string): void;
  /** Monotonic milliseconds. */
  now(): number;
}

export function createWorks(call: Call, deps: WorksDeps): Works {
  const { machine, health, signal, now } = deps;
  const { request }: { readonly request: ChatRequest } = call;
  const records: AttemptRecord[] = [];
  const working = new Set<Work>();
  let begun = false;

  async function end(work: Work, outcome: AttemptRecord['outcome'], reason?: Failure): Promise<void> {
    if (!working.delete(work)) return;
    work.record.outcome = outcome;
    const usage = usageOf(work, request);
    if (usage !== undefined) work.record.usage = usage;
    if (reason !== undefined) {
      work.record.failure = reason;
      if (countsAgainstHealth(reason)) work.visit.failed();
    }
    if (outcome === 'served') work.visit.succeeded();
    work.visit.end();
    await work.attempt.close();
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
      const opened = openAttempt(candidate, continuation?.call ?? call, { timeouts, now }, signal);
      const visit = health.begin(candidate.target);
      const patienceMs = () => stallPatience(timeouts.stallMs, machine.canRetry());
      const onBegun = () => {
        begun = true;
        visit.answered();
      };
      const attempt = request.stream ? opened : holdWhole(opened, request.n, patienceMs, onBegun);
      const work = { candidate, attempt, record, visit, continuation };
      working.add(work);
      return work;
    },
    close: (work, outcome) => end(work, outcome),
    fail: async (work, reason, committed) => {
      await end(work, 'failed', reason);
      machine.failed(work.candidate, reason, committed);
    },
    closeOthers: async (kept, outcome) => {
      for (const work of [...working]) if (work !== kept) await end(work, outcome);
    },
    get begun() {
      return begun;
    },
    records,
  };
}

function usageOf({ attempt, continuation }: Work, request: ChatRequest): Usage | undefined {
  const { tokens, usage } = attempt.count;
  if (usage !== undefined || tokens === 0) return usage;
  // What it was to go on with is prompt to it.
  const promptTokens = estimatePromptTokens(request) + (continuation?.prefixTokens ?? 0);
  return { promptTokens, completionTokens: tokens, estimated: true };
}
