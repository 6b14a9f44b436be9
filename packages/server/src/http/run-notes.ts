import { causeOf } from '../domain/cause.ts';
import type { RunOutcome } from '../relay/run-outcome.ts';
import { answeredLast } from '../routing/open-attempts.ts';
import type { ExchangeNotes } from './exchange.ts';

/** What a run's outcome says in the log line of its request. */
export function notesOfRun({
  status,
  target,
  ttftMs,
  failure: reason,
  usage,
  attempts,
}: RunOutcome): ExchangeNotes {
  const notes: ExchangeNotes = {
    outcome: status,
    attempts: attempts.length,
    target: answeredLast(attempts)?.target ?? target,
  };
  if (ttftMs !== undefined) notes.ttftMs = ttftMs;
  if (reason !== undefined) {
    notes.code = reason.code;
    Object.assign(notes, causeOf(reason));
  }
  if (usage !== undefined) {
    notes.promptTokens = usage.promptTokens;
    notes.completionTokens = usage.completionTokens;
  }
  return notes;
}
