import { wholeAnswerTooLarge } from '../domain/answer-size.ts';
import { type Failure, failure } from '../domain/failure.ts';
import type { Source } from '../routing/source.ts';
import type { EventStream } from '../upstreams/contract.ts';
import type { Asked, ServedIdentity, Surface } from '../wire/contract.ts';
import { StreamFrames } from './answer-frames.ts';
import { CollectedAnswer } from './collected-answer.ts';
import { bugFailure, type DriveOutcome, drive, type Taker } from './drive.ts';
import { createFrameLog, type FrameLog } from './frame-log.ts';
import type { Reader } from './reader.ts';
import type { Attachment, AttachOptions, Lifetime, Run, RunOutcome } from './run.ts';
import type { RunRegistry } from './run-registry.ts';
import type { StopReason } from './stop-reason.ts';
import { createTranscript, type Transcript } from './transcript.ts';

export interface RunDeps {
  readonly runs: RunRegistry;
  /** Monotonic milliseconds. */
  now(): number;
  /** Unix milliseconds. */
  clock(): number;
}

/** What a run is asked. */
export interface RunCall {
  readonly surface: Surface;
  readonly asked: Asked;
  readonly requestId: string;
  readonly keyId: string;
  readonly lifetime: Lifetime;
  /** Milliseconds for everything: queue, prompt, answer. */
  readonly totalMs: number;
  /** Keep what is said for {@link RunOutcome.content}. */
  readonly keepContent: boolean;
  /** Prompt tokens, estimated, for a target that does not count them. */
  promptTokens(): number;
  /** Gives back what is held for the request: memory, later its place. Called once, when the run has ended. */
  release(): void;
  /** The answer, however many targets it takes. Asks none before it is pulled. */
  open(id: string, signal: AbortSignal, onAttempt: (target: string) => void): RunSource;
}

/** The source of an answer, as far as a run sees it. */
export type RunSource = EventStream & Pick<Source, 'served' | 'attempts' | 'tokens'>;

/**
 * Starts a run. One of lifetime `reader` begins to work when its reader is attached, in the same turn of the event loop;
 * a detached one begins at once, and its frames lie in a log that readers follow.
 */
export function startRun(deps: RunDeps, call: RunCall): Run {
  const run = new OneRun(deps, call);
  deps.runs.add(run);
  run.beginDetached();
  return run;
}

class OneRun implements Run {
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
  /** Of a detached run. */
  private readonly log: FrameLog | undefined;
  private settle: (outcome: RunOutcome) => void = () => {};
  private begun = false;

  constructor(deps: RunDeps, call: RunCall) {
    const { surface, asked, lifetime, totalMs } = call;
    this.deps = deps;
    this.call = call;
    this.id = surface.newId();
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
    this.source = call.open(this.id, this.controller.signal, (target) => {
      this.target = target;
    });
    this.deadline = setTimeout(() => this.stop({ type: 'failed', failure: pastDeadline(totalMs) }), totalMs);
    this.log = lifetime === 'detached' ? createFrameLog() : undefined;
  }

  /** For a detached run, once it is registered. */
  beginDetached(): void {
    if (this.log !== undefined) this.begin(this.log);
  }

  attach(reader: Reader, { after = 0 }: AttachOptions = {}): Attachment {
    if (this.log !== undefined) return this.log.attach(reader, after);
    if (after > 0) throw new Error('a run without a log has no events to leave out');
    this.begin(reader);
    return { detach: () => this.stop({ type: 'client-gone' }) };
  }

  stop(reason: StopReason): void {
    if (this.stopReason !== undefined) return;
    this.stopReason = reason;
    this.controller.abort();
    // Stopped before its reader came: what it holds is given back by the same way.
    if (!this.begun) this.begin(noReader);
  }

  private begin(reader: Reader): void {
    if (this.begun) throw new Error('this run has its one reader already');
    this.begun = true;
    void this.work(reader);
  }

  /** Never rejects: a bug in releasing the source is an outcome too. */
  private async work(reader: Reader): Promise<void> {
    let outcome: DriveOutcome;
    try {
      outcome = await (this.stream ? this.streamTo(reader) : this.collectFor(reader));
    } catch (error) {
      outcome = { status: 'failed', failure: bugFailure(error) };
      reader.abandon();
    } finally {
      clearTimeout(this.deadline);
      this.deps.runs.remove(this);
      this.call.release();
    }
    const target = this.source.served()?.target ?? this.target;
    this.settle({
      ...outcome,
      attempts: this.source.attempts(),
      ...(target === undefined ? {} : { target }),
      ...(this.transcript === undefined ? {} : { content: this.transcript.text() }),
    });
  }

  private async streamTo(reader: Reader): Promise<DriveOutcome> {
    const encoder = this.call.asked.form.streamEncoder(this);
    const frames = new StreamFrames({
      reader,
      encoder,
      signal: this.controller.signal,
      served: (fingerprint) => this.served(fingerprint),
    });
    const outcome = await this.drive(frames);
    if (outcome.failure !== undefined)
      reader.fail(outcome.failure, encoder.fail.bind(encoder, outcome.failure));
    else if (outcome.status !== 'completed') reader.abandon();
    return outcome;
  }

  private async collectFor(reader: Reader): Promise<DriveOutcome> {
    const collector = this.call.asked.form.collector(this);
    const answer = new CollectedAnswer(collector, (reason) => this.stop({ type: 'failed', failure: reason }));
    const driven = await this.drive(answer);
    // What the target has said is lost: nothing of it reached the client.
    const outcome: DriveOutcome = answer.tooLarge
      ? { ...driven, status: 'failed', failure: wholeAnswerTooLarge() }
      : driven.status === 'cut'
        ? { ...driven, status: 'failed' }
        : driven;
    if (outcome.failure !== undefined) {
      reader.fail(outcome.failure, () => '');
      return outcome;
    }
    if (outcome.status !== 'completed') {
      reader.abandon();
      return outcome;
    }
    const served = this.served(answer.fingerprint);
    reader.begin({ target: served.target, keepalive: () => undefined });
    reader.end(collector.body(served));
    return outcome;
  }

  private drive(taker: Taker): Promise<DriveOutcome> {
    const { request } = this.call.asked;
    return drive({
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
      taker,
    });
  }

  /** `model` is what the client asked for, or the fallback that served it. */
  private served(fingerprint: string | undefined): ServedIdentity & { readonly target: string | undefined } {
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
