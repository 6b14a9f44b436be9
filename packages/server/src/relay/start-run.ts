import { type Failure, failure } from '../domain/failure.ts';
import type { Source } from '../routing/source.ts';
import type { EventStream } from '../upstreams/contract.ts';
import type { Asked, Surface } from '../wire/contract.ts';
import type { Answer, ServedBy } from './answer.ts';
import { CollectedAnswer } from './collected-answer.ts';
import { createPayloadLog, type PayloadLog } from './payload-log.ts';
import type { Reader } from './reader.ts';
import { bugFailure, type RelayOutcome, relayEvents } from './relay-events.ts';
import type { Attachment, AttachOptions, Lifetime, Run } from './run.ts';
import type { RunOutcome } from './run-outcome.ts';
import type { RunRegistry } from './run-registry.ts';
import type { StopReason } from './stop-reason.ts';
import { StreamedAnswer } from './streamed-answer.ts';
import { createTranscript, type Transcript } from './transcript.ts';

/** The registry and the clocks that runs use. */
export interface RunDeps {
  readonly runs: RunRegistry;
  /** Monotonic milliseconds. */
  now(): number;
  /** Unix milliseconds. */
  clock(): number;
}

/** One request, as a run needs it. */
export interface RunCall {
  /** Made by {@link Surface.newId} before the start, so that a record can be written before the run begins. */
  readonly id: string;
  readonly surface: Surface;
  readonly asked: Asked;
  readonly requestId: string;
  readonly keyId: string;
  readonly lifetime: Lifetime;
  /** Deadline of the whole run in milliseconds: queue, prompt and answer. */
  readonly totalMs: number;
  /** Whether the answer's text is kept for {@link RunOutcome.content}. */
  readonly keepContent: boolean;
  /** An estimate of the prompt's tokens, for a target that reports no usage. */
  promptTokens(): number;
  /**
   * Called once, on every path, when the run has its outcome. It releases what the request holds, such as its share of
   * memory. The run stays in the registry until the promise resolves, so a drain waits for it.
   */
  onEnded(outcome: RunOutcome): Promise<void> | undefined;
  /** Opens the source of the answer. The source asks no target before its first pull. */
  open(signal: AbortSignal, onAttempt: (target: string) => void): RunSource;
}

/** The part of a source that a run uses. */
export type RunSource = EventStream & Pick<Source, 'served' | 'attempts' | 'tokens'>;

/**
 * Starts a run and registers it. A run of lifetime `reader` begins to pull when its reader is attached. A detached run begins
 * at once, and writes its payloads to a log that its readers follow.
 */
export function startRun(deps: RunDeps, call: RunCall): Run {
  const run = new StartedRun(deps, call);
  deps.runs.add(run);
  run.beginDetached();
  return run;
}

class StartedRun implements Run {
  readonly id: string;
  readonly requestId: string;
  readonly keyId: string;
  readonly surface: string;
  readonly model: string;
  readonly stream: boolean;
  readonly lifetime: Lifetime;
  readonly createdAtMs: number;
  readonly outcome: Promise<RunOutcome>;
  target: string | undefined;
  stopReason: StopReason | undefined;
  private readonly deps: RunDeps;
  private readonly call: RunCall;
  private readonly controller = new AbortController();
  private readonly source: RunSource;
  private readonly deadline: NodeJS.Timeout;
  private readonly transcript: Transcript | undefined;
  /** Where a detached run writes its payloads; undefined for a run of lifetime `reader`. */
  private readonly log: PayloadLog | undefined;
  private settle: (outcome: RunOutcome) => void = () => {};
  private begun = false;
  /** The run was stopped before a reader came: it runs only to release what it holds. */
  private stoppedBeforeReader = false;

  constructor(deps: RunDeps, call: RunCall) {
    const { surface, asked, lifetime, totalMs } = call;
    this.deps = deps;
    this.call = call;
    this.id = call.id;
    this.requestId = call.requestId;
    this.keyId = call.keyId;
    this.surface = surface.name;
    this.model = asked.request.model;
    this.stream = asked.request.stream;
    this.lifetime = lifetime;
    this.createdAtMs = deps.clock();
    this.outcome = new Promise((resolve) => {
      this.settle = resolve;
    });
    this.transcript = call.keepContent ? createTranscript() : undefined;
    this.source = call.open(this.controller.signal, (target) => {
      this.target = target;
    });
    this.deadline = setTimeout(() => this.stop({ type: 'failed', failure: pastDeadline(totalMs) }), totalMs);
    this.log = lifetime === 'detached' ? this.createLog() : undefined;
  }

  /** Begins a detached run; called when it is registered. */
  beginDetached(): void {
    if (this.log !== undefined) this.begin(this.log);
  }

  attach(reader: Reader, { after = 0 }: AttachOptions = {}): Attachment {
    if (this.log !== undefined) return this.log.attach(reader, after);
    if (after > 0) throw new Error('a run without a log has no events to leave out');
    if (this.stoppedBeforeReader) return this.endOnly(reader);
    this.begin(reader);
    return { detach: () => this.stop({ type: 'client-gone' }) };
  }

  /** Ends a reader that came after the run was stopped, when the run has its outcome. */
  private endOnly(reader: Reader): Attachment {
    void this.outcome.then(({ failure: reason }) => {
      if (reason === undefined) reader.abandon();
      else reader.fail(reason, () => this.call.asked.form.streamEncoder(this).fail(reason));
    });
    return { detach: () => {} };
  }

  stop(reason: StopReason): void {
    if (this.stopReason !== undefined) return;
    this.stopReason = reason;
    this.controller.abort();
    if (this.begun) return;
    // A run without a reader ends through `runToEnd` too: that function releases the source, the deadline and the memory.
    this.stoppedBeforeReader = true;
    this.begin(noReader);
  }

  private begin(reader: Reader): void {
    if (this.begun) throw new Error('a run of lifetime reader takes one reader, and it has one');
    this.begun = true;
    void this.runToEnd(reader);
  }

  /**
   * Never rejects, and releases what the run holds whatever fails. It is one function because each asynchronous function
   * that waits takes a few hundred bytes for as long as the stream is open.
   */
  private async runToEnd(reader: Reader): Promise<void> {
    let relayed: RelayOutcome = { status: 'failed' };
    try {
      const answer = this.answerFor(reader);
      relayed = await this.relay(answer);
      relayed = answer.close(relayed);
    } catch (error) {
      // A bug after the loop, in a surface or a reader: a status of `completed` becomes `failed`, any other one stays.
      const status = relayed.status === 'completed' ? 'failed' : relayed.status;
      relayed = { ...relayed, status, failure: bugFailure(error) };
      await this.abandon(reader);
    } finally {
      clearTimeout(this.deadline);
    }
    const outcome = this.outcomeOf(relayed);
    try {
      await this.call.onEnded(outcome);
    } catch (error) {
      relayed = { failure: bugFailure(error), ...relayed };
    } finally {
      this.deps.runs.remove(this);
      this.settle(this.outcomeOf(relayed));
    }
  }

  private async abandon(reader: Reader): Promise<void> {
    try {
      reader.abandon();
      await this.source.close();
    } catch {
      // The outcome reports only the first bug. The owner of the reader closes the client's connection after the outcome.
    }
  }

  private outcomeOf(relayed: RelayOutcome): RunOutcome {
    try {
      const target = this.source.served()?.target ?? this.target;
      return {
        ...relayed,
        attempts: this.source.attempts(),
        ...(target === undefined ? {} : { target }),
        ...(this.transcript === undefined ? {} : { content: this.transcript.text() }),
      };
    } catch (error) {
      return { failure: bugFailure(error), ...relayed, attempts: [] };
    }
  }

  private answerFor(reader: Reader): Answer {
    const { form } = this.call.asked;
    const served = (fingerprint: string | undefined) => this.served(fingerprint);
    if (!this.stream) {
      const onTooLarge = (reason: Failure) => this.stop({ type: 'failed', failure: reason });
      return new CollectedAnswer({ reader, collector: form.collector(this), onTooLarge, served });
    }
    const { signal } = this.controller;
    return new StreamedAnswer({ reader, encoder: form.streamEncoder(this), signal, served });
  }

  private createLog(): PayloadLog {
    const { form } = this.call.asked;
    return createPayloadLog((reason) => form.streamEncoder(this).fail(reason));
  }

  private relay(answer: Answer): Promise<RelayOutcome> {
    const { request } = this.call.asked;
    return relayEvents({
      run: this,
      events: this.source,
      rules: {
        choices: request.n,
        json: request.responseFormat.type !== 'text',
        promptTokens: this.call.promptTokens,
        completionTokens: () => this.source.tokens(),
      },
      transcript: this.transcript,
      now: this.deps.now,
      consumer: answer,
    });
  }

  /**
   * `model` is the id for the client: that of the fallback where a fallback serves the answer, else the one that the client
   * sent.
   */
  private served(fingerprint: string | undefined): ServedBy {
    const served = this.source.served();
    return {
      model: served?.fellBackTo ?? this.model,
      fingerprint: fingerprint ?? 'tailrace',
      target: served?.target,
    };
  }
}

const noReader: Reader = {
  begin: () => {},
  event: () => true,
  drained: () => Promise.resolve(),
  end: () => {},
  fail: () => {},
  abandon: () => {},
};

function pastDeadline(totalMs: number): Failure {
  return failure('deadline_exceeded', `The request took longer than its total deadline of ${totalMs} ms.`);
}
