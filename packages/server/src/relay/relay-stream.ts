import { sseDone, sseKeepalive } from '@tailrace/protocol';
import type { StreamConfig } from '../config/config.ts';
import { commits, type UsageEvent } from '../domain/stream-event.ts';
import type { EventStream } from '../upstreams/contract.ts';
import type { ChunkEncoder, FrameReceiver } from '../wire/chat/chunk-encoder.ts';
import { errorFrame } from '../wire/error-reply.ts';
import type { AnswerRules, Passed } from './answer-guard.ts';
import { drive, type Taker } from './drive.ts';
import type { Run, RunOutcome } from './run.ts';
import { type Silence, watchSilence } from './silence.ts';
import type { Sink } from './sink.ts';
import type { Transcript } from './transcript.ts';

export interface StreamJob {
  readonly run: Run;
  readonly events: EventStream;
  readonly rules: AnswerRules;
  readonly transcript: Transcript | undefined;
  readonly sink: Sink;
  readonly settings: Pick<StreamConfig, 'keepalive' | 'keepaliveAfterMs' | 'holdHeadMs'>;
  /** Called at the commit, when it is known who serves. */
  createEncoder(fingerprint: string | undefined): ChunkEncoder;
  /** Monotonic milliseconds. */
  now(): number;
}

/**
 * Streams one answer into a sink. When it fails with the head not out, nothing was written and the caller
 * answers with the outcome's failure; with the head out, the error event has been written and the body
 * ended, without finish and without `[DONE]`.
 */
export async function relayStream(job: StreamJob): Promise<RunOutcome> {
  const { run, sink } = job;
  const frames = new FrameWriter(job);
  try {
    const outcome = await drive({ ...job, taker: frames });
    if (outcome.failure !== undefined && sink.opened) sink.tear(errorFrame(outcome.failure, run.requestId));
    return outcome;
  } finally {
    frames.close();
  }
}

/** Events → frames → sink, and what is written when nothing comes. */
class FrameWriter implements Taker, FrameReceiver {
  private readonly sink: Sink;
  private encoder: ChunkEncoder | undefined;
  private readonly silence: Silence;
  /** The sink has asked for a pause. */
  private blocked = false;

  private readonly job: StreamJob;
  private fingerprint: string | undefined;
  /** Usage may come before the commit; the encoder hears it when there is one. */
  private early: UsageEvent | undefined;

  constructor(job: StreamJob) {
    const { sink, settings, now } = job;
    this.job = job;
    this.sink = sink;
    this.silence = watchSilence({
      holdHeadMs: settings.holdHeadMs,
      keepaliveAfterMs: settings.keepalive === 'off' ? undefined : settings.keepaliveAfterMs,
      now,
      onHeadDue: () => {
        if (!sink.opened) sink.open();
      },
      onSilence: () => this.onSilence(),
    });
  }

  take(event: Passed, last: boolean): Promise<void> | undefined {
    const encoder = this.encoder ?? this.begin(event);
    if (encoder === undefined) return undefined;
    encoder.encode(event, this);
    this.silence.note();
    if (last) this.sink.finish(sseDone);
    return last || !this.blocked ? undefined : this.drained();
  }

  frame(frame: string): void {
    if (!this.sink.write(frame)) this.blocked = true;
  }

  close(): void {
    this.silence.close();
  }

  /** The head and the role chunks go out with the first event that commits; what comes before it waits. */
  private begin(event: Passed): ChunkEncoder | undefined {
    if (event.type === 'start') this.fingerprint = event.fingerprint;
    if (event.type === 'usage') this.early = event;
    if (!commits(event)) return undefined;
    const encoder = this.job.createEncoder(this.fingerprint);
    this.encoder = encoder;
    if (!this.sink.opened) this.sink.open();
    for (const frame of encoder.roles()) this.frame(frame);
    if (this.early !== undefined) encoder.encode(this.early, this);
    return encoder;
  }

  private async drained(): Promise<void> {
    await this.sink.drained(this.job.run.signal);
    this.blocked = false;
  }

  private onSilence(): void {
    // Before the head there is nobody to tell, and a reader that is behind has no lack of bytes.
    if (!this.sink.opened || this.blocked) return;
    const asChunk = this.job.settings.keepalive === 'chunk';
    this.frame(asChunk && this.encoder !== undefined ? this.encoder.keepalive() : sseKeepalive);
    // No event waits behind it, so nobody else would hear when the reader has caught up.
    if (this.blocked) void this.drained();
  }
}
