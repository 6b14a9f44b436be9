import { bugFailure } from '../domain/bug-failure.ts';
import { type Failure, failure } from '../domain/failure.ts';
import type { UsageEstimates } from '../domain/usage.ts';
import type { StreamOwner, StreamWriter } from '../journal/contract.ts';
import type { Source } from '../routing/source.ts';
import { notQueued, type QueuedTimer, type TimerQueue } from '../timers/timer-queue.ts';
import type { EventStream } from '../upstreams/contract.ts';
import type { AnswerForm, Asked, Surface } from '../wire/contract.ts';
import type { Answer, AnswerOwner, ServedBy } from './answer.ts';
import type { AnswerRules } from './answer-guard.ts';
import { CollectedAnswer } from './collected-answer.ts';
import { followStream } from './follower.ts';
import { KeptAnswer } from './kept-answer.ts';
import type { Reader } from './reader.ts';
import { createRelay, type Relay, type RelayOutcome, type RelayOwner } from './relay-events.ts';
import type { Attachment, Lifetime, Run } from './run.ts';
import { type RunOutcome, whereProduced } from './run-outcome.ts';
import type { RunRegistry } from './run-registry.ts';
import type { StopReason } from './stop-reason.ts';
import { StreamedAnswer } from './streamed-answer.ts';
import { createTranscript, type Transcript } from './transcript.ts';

/** The registry and the clocks that runs use. */
export interface RunDeps {
  readonly runs: RunRegistry;
  /** For the deadlines, and as the monotonic clock. */
  readonly timers: TimerQueue;
  /** Unix milliseconds. */
  clock(): number;
}

/** One request, as a run needs it. The run keeps what it needs until its end, and nothing of the request's messages. */
export interface RunCall {
  /** Made by {@link Surface.newId} before the start, so that a record can be written before the run begins. */
  readonly id: string;
  readonly surface: Surface;
  readonly asked: Asked;
  readonly requestId: string;
  readonly keyId: string;
  readonly owner: string;
  /** Where its payloads are kept, for a run of lifetime `grace`; undefined: a run of lifetime `reader`. */
  readonly kept: KeptRun | undefined;
  /** Deadline of the whole run in milliseconds: queue, prompt and answer. */
  readonly totalMs: number;
  /** Whether the answer is kept for {@link RunOutcome.content}. */
  readonly keepContent: boolean;
  /**
   * Called once, on every path, when the run has its outcome. It releases what the request holds, such as its share of
   * memory. The run stays in the registry until the promise resolves, so a drain waits for it.
   */
  onEnded(outcome: RunOutcome): Promise<void> | undefined;
  /** Opens the source of the answer. The source asks no target before its first pull. */
  open(signal: AbortSignal): RunSource;
}

/** A run that outlives its readers. */
export interface KeptRun {
  readonly writer: StreamWriter;
  /** How long the run may be without a reader, in milliseconds. */
  readonly graceMs: number;
}

/** The part of a source that a run uses. */
export type RunSource = EventStream &
  UsageEstimates &
  Pick<Source, 'served' | 'target' | 'attempts' | 'reported'>;

/**
 * Starts a run and registers it. A run of lifetime `reader` begins to pull when its reader is attached. A run of lifetime
 * `grace` begins at once, and writes its payloads to the journal, which its readers follow.
 */
export function startRun(deps: RunDeps, call: RunCall): Run {
  const run = new StartedRun(deps, call);
  deps.runs.add(run);
  run.beginKept();
  return run;
}

/** What an open stream holds is an object, and no function that waits (decisions/0006). */
class StartedRun implements Run, RelayOwner, AnswerOwner, QueuedTimer, StreamOwner {
  readonly id: string;
  readonly requestId: string;
  readonly keyId: string;
  readonly owner: string;
  readonly surface: string;
  readonly model: string;
  readonly stream: boolean;
  readonly lifetime: Lifetime;
  readonly createdAtMs: number;
  readonly outcome: Promise<RunOutcome>;
  private stopReason: StopReason | undefined;
  dueMs = 0;
  place = notQueued;
  private readonly deps: RunDeps;
  private readonly form: AnswerForm;
  private readonly rules: AnswerRules;
  private readonly totalMs: number;
  private readonly onEnded: RunCall['onEnded'];
  private readonly controller = new AbortController();
  private readonly source: RunSource;
  private readonly transcript: Transcript | undefined;
  private readonly kept: KeptRun | undefined;
  /** Waits for a reader; undefined where there is one, and for a run of lifetime `reader`. */
  private grace: QueuedTimer | undefined;
  /** The journal has lost the stream: only the connection that asked for it gets more. */
  private isLost = false;
  private settle: (outcome: RunOutcome) => void = () => {};
  /** Its only reader, or the journal; undefined until it has begun. */
  private reader: Reader | undefined;
  private answer: Answer | undefined;
  private relay: Relay | undefined;
  /** The run was stopped before a reader came: it runs only to release what it holds. */
  private stoppedBeforeReader = false;

  constructor(deps: RunDeps, call: RunCall) {
    const { surface, asked, kept, totalMs } = call;
    const { request, form } = asked;
    this.deps = deps;
    this.id = call.id;
    this.requestId = call.requestId;
    this.keyId = call.keyId;
    this.owner = call.owner;
    this.surface = surface.name;
    this.model = request.model;
    this.stream = request.stream;
    this.lifetime = kept === undefined ? 'reader' : 'grace';
    this.kept = kept;
    this.createdAtMs = deps.clock();
    this.form = form;
    this.rules = { choices: request.n, json: request.responseFormat.type !== 'text' };
    this.totalMs = totalMs;
    this.onEnded = call.onEnded;
    this.outcome = new Promise((resolve) => {
      this.settle = resolve;
    });
    this.transcript = call.keepContent ? createTranscript() : undefined;
    this.source = call.open(this.signal);
    deps.timers.start(this, totalMs);
  }

  get target(): string | undefined {
    return this.source.target();
  }

  completionTokens(): number {
    return this.source.completionTokens();
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** Begins a run of lifetime `grace`; called when it is registered. */
  beginKept(): void {
    if (this.kept === undefined) return;
    const { writer } = this.kept;
    this.begin(new KeptAnswer(writer, (reason) => this.errorEvent(reason)));
    writer.own(this);
  }

  attach(reader: Reader): Attachment {
    if (this.kept !== undefined) {
      const { view } = this.kept.writer;
      const errorEvent = (reason: Failure) => this.errorEvent(reason);
      return followStream(view, reader, { after: 0, own: true, errorEvent });
    }
    if (this.stoppedBeforeReader) return this.endOnly(reader);
    this.begin(reader);
    return { ended: this.outcome, detach: () => this.stop({ type: 'client-gone' }) };
  }

  /** Ends a reader that came after the run was stopped, when the run has its outcome. */
  private endOnly(reader: Reader): Attachment {
    void this.outcome.then(({ failure: reason }) => {
      if (reason === undefined) reader.abandon();
      else reader.fail(reason, () => this.errorEvent(reason));
    });
    return { ended: this.outcome, detach: () => {} };
  }

  stop(reason: StopReason): void {
    // Every connection closes behind its answer too; then there is nothing to stop, and an abort would cost 10 µs.
    if (this.stopReason !== undefined || this.relay?.ended === true) return;
    this.stopReason = reason;
    this.relay?.stop(reason);
    this.controller.abort(stopped);
    if (this.reader !== undefined) return;
    // A run without a reader ends as every other run does: it releases the source, the deadline and the memory.
    this.stoppedBeforeReader = true;
    this.begin(noReader);
  }

  /** The deadline has passed. */
  fire(): void {
    this.stop({ type: 'failed', failure: pastDeadline(this.totalMs) });
  }

  readersCame(): void {
    if (this.grace !== undefined) this.deps.timers.stop(this.grace);
    this.grace = undefined;
  }

  readersLeft(): void {
    if (this.kept === undefined || this.relay?.ended === true) return;
    const over = this.isLost ? clientGone : graceOver;
    // Nobody can come back to a stream that is lost.
    const afterMs = this.isLost ? 0 : this.kept.graceMs;
    this.grace ??= { dueMs: 0, place: notQueued, fire: () => this.stopWithoutReader(over) };
    this.deps.timers.start(this.grace, afterMs);
  }

  /** No reader has come back. A stream without output is gone at once: the same request must not find it while the run ends. */
  private stopWithoutReader(over: StopReason): void {
    const writer = this.kept?.writer;
    if (writer?.view.head === undefined) writer?.discard(neverRead);
    this.stop(over);
  }

  lost(): void {
    this.isLost = true;
    // It waits for readers already.
    if (this.grace !== undefined) this.stop(clientGone);
  }

  fenced(): void {
    this.stop({ type: 'failed', failure: takenOver });
  }

  tooLarge(reason: Failure): void {
    this.stop({ type: 'failed', failure: reason });
  }

  private begin(reader: Reader): void {
    if (this.reader !== undefined)
      throw new Error('a run of lifetime reader takes one reader, and it has one');
    this.reader = reader;
    try {
      this.answer = this.answerFor(reader);
      const relay = createRelay({
        owner: this,
        events: this.source,
        rules: this.rules,
        transcript: this.transcript,
        clock: this.deps.timers,
        consumer: this.answer,
      });
      this.relay = relay;
      if (this.stopReason !== undefined) relay.stop(this.stopReason);
      relay.start();
    } catch (bug) {
      void this.endAfterBug({ status: 'failed' }, bug);
    }
  }

  /** The loop has ended. */
  relayed(relayed: RelayOutcome): void {
    let seen = relayed;
    try {
      seen = this.answer?.close(relayed) ?? relayed;
    } catch (bug) {
      // A status of `completed` becomes `failed`, any other one stays.
      const status = relayed.status === 'completed' ? 'failed' : relayed.status;
      void this.endAfterBug({ ...relayed, status }, bug);
      return;
    }
    void this.end(seen);
  }

  /** Ends the run after a bug outside the loop, in a surface or a reader. Never rejects. */
  private async endAfterBug(relayed: RelayOutcome, bug: unknown): Promise<void> {
    try {
      this.reader?.abandon();
      await this.source.close();
    } catch {
      // The outcome reports only the first bug. The owner of the reader closes the client's connection after the outcome.
    }
    await this.end({ ...relayed, failure: bugFailure(bug) });
  }

  /** Releases what the run still holds, whatever fails, and resolves its outcome. Never rejects. */
  private async end(relayed: RelayOutcome): Promise<void> {
    this.deps.timers.stop(this);
    this.readersCame();
    let ended = relayed;
    try {
      await this.onEnded(this.outcomeOf(relayed));
    } catch (bug) {
      ended = { failure: bugFailure(bug), ...relayed };
    } finally {
      this.deps.runs.remove(this);
      this.settle(this.outcomeOf(ended));
    }
  }

  private outcomeOf(relayed: RelayOutcome): RunOutcome {
    try {
      const target = this.source.served()?.target ?? this.source.target();
      return whereProduced<RunOutcome>({
        ...relayed,
        attempts: this.source.attempts(),
        ...(target === undefined ? {} : { target }),
        ...(this.transcript === undefined ? {} : { content: this.transcript.choices() }),
      });
    } catch (error) {
      return { failure: bugFailure(error), ...relayed, attempts: [] };
    }
  }

  private answerFor(reader: Reader): Answer {
    return this.stream
      ? new StreamedAnswer(this, reader, this.form.streamEncoder(this))
      : new CollectedAnswer(this, reader, this.form.collector(this));
  }

  private errorEvent(reason: Failure): string {
    return this.form.streamEncoder(this).fail(reason);
  }

  /**
   * `model` is the id for the client: that of the fallback where a fallback serves the answer, else the one that the client
   * sent.
   */
  served(fingerprint: string | undefined): ServedBy {
    const served = this.source.served();
    return {
      model: served?.fellBackTo ?? this.model,
      fingerprint: fingerprint ?? 'tailrace',
      target: served?.target,
    };
  }
}

/** The reason of every abort. Without one Node makes an error with a stack for each: 100 µs. */
const stopped = new Error('the run was stopped');

const clientGone: StopReason = { type: 'client-gone' };
const graceOver: StopReason = { type: 'grace-over' };

const neverRead = failure(
  'completion_cancelled',
  'This completion was stopped before it had any output, because no reader came back to it in time.',
);

const takenOver = failure(
  'upstream_cut',
  'This server did not answer for too long, so the answer was ended elsewhere.',
);

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
