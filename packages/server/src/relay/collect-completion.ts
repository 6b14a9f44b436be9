import { wholeAnswerTooLarge } from '../domain/answer-size.ts';
import type { EventStream } from '../upstreams/contract.ts';
import type { StreamIdentity } from '../wire/chat/chunk-encoder.ts';
import { createCompletionCollector } from '../wire/chat/completion-collector.ts';
import type { AnswerRules } from './answer-guard.ts';
import { drive } from './drive.ts';
import type { Run, RunOutcome } from './run.ts';
import type { Transcript } from './transcript.ts';

export interface CollectJob {
  readonly run: Run;
  readonly events: EventStream;
  readonly rules: AnswerRules;
  readonly transcript: Transcript | undefined;
  /** Called when the answer is whole. */
  identify(fingerprint: string | undefined): StreamIdentity;
  now(): number;
}

/** The twin of the stream: the same events as one JSON body. It commits when it is complete. */
export async function collectCompletion(job: CollectJob): Promise<RunOutcome & { readonly body?: string }> {
  const collector = createCompletionCollector(job.rules.choices);
  let fingerprint: string | undefined;
  let tooLarge = false;
  const outcome = await drive({
    ...job,
    taker: {
      take: (event) => {
        if (event.type === 'start') fingerprint = event.fingerprint;
        if (!tooLarge && !collector.add(event)) {
          tooLarge = true;
          job.run.stop({ type: 'failed', failure: wholeAnswerTooLarge() });
        }
        return undefined;
      },
    },
  });
  // The batch in which it grew too large may have been the last one.
  if (tooLarge) return { ...outcome, status: 'failed', failure: wholeAnswerTooLarge() };
  if (outcome.status === 'completed')
    return { ...outcome, body: collector.toJson(job.identify(fingerprint)) };
  // Nothing reached the client, however much the target had said.
  return outcome.status === 'cut' ? { ...outcome, status: 'failed' } : outcome;
}
