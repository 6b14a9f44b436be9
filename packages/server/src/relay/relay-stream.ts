import { sseDone, sseKeepalive } from '@tailrace/protocol';
import type { StreamConfig } from '../config/config.ts';
import { commits, type UsageEvent } from '../domain/stream-event.ts';
import type { EventStream } from '../upstreams/contract.ts';
import type { ChunkEncoder } from '../wire/chat/chunk-encoder.ts';
import { errorFrame } from '../wire/error-reply.ts';
import type { AnswerRules } from './answer-guard.ts';
import { drive } from './drive.ts';
import type { Run, RunOutcome } from './run.ts';
import { watchSilence } from './silence.ts';
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
  const { run, sink, settings } = job;
  let encoder: ChunkEncoder | undefined;
  let fingerprint: string | undefined;
  let early: UsageEvent | undefined;
  let blocked = false;

  const write = (frame: string) => {
    blocked = !sink.write(frame);
  };
  const silence = watchSilence({
    holdHeadMs: settings.holdHeadMs,
    keepaliveAfterMs: settings.keepalive === 'off' ? undefined : settings.keepaliveAfterMs,
    now: job.now,
    onHeadDue: () => {
      if (!sink.opened) sink.open();
    },
    onSilence: () => {
      // Before the head there is nobody to tell, and a reader that is behind has no lack of bytes.
      if (!sink.opened || blocked) return;
      write(settings.keepalive === 'chunk' && encoder !== undefined ? encoder.keepalive() : sseKeepalive);
    },
  });

  try {
    const outcome = await drive({
      ...job,
      take: (event, last) => {
        if (event.type === 'start') fingerprint = event.fingerprint;
        if (encoder === undefined) {
          // Usage may come before the commit; the encoder hears it when there is one.
          if (event.type === 'usage') early = event;
          if (!commits(event)) return undefined;
          encoder = job.createEncoder(fingerprint);
          if (!sink.opened) sink.open();
          for (const frame of encoder.roles()) write(frame);
          if (early !== undefined) encoder.encode(early, write);
        }
        encoder.encode(event, write);
        silence.note();
        if (last) sink.finish(sseDone);
        if (last || !blocked) return undefined;
        return sink.drained(run.signal).then(() => {
          blocked = false;
        });
      },
    });
    if (outcome.failure !== undefined && sink.opened) sink.tear(errorFrame(outcome.failure, run.requestId));
    return outcome;
  } finally {
    silence.close();
  }
}
