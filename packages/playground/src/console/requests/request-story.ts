import { count, duration } from '../../elements/format.ts';
import type { RequestAttempt, RequestRecord } from './request-record.ts';

/** A part of a sentence; a name or a code stands out. */
export type StoryPart = string | { readonly name: string };
export type Sentence = readonly StoryPart[];

/** Why an attempt failed, behind the name of its target. */
const reasons: Readonly<Record<string, string>> = {
  upstream_cut: 'it broke off in mid-answer',
  upstream_refused: 'it could not be reached, or answered with an error',
  upstream_protocol: 'what it sent is no valid answer',
  upstream_auth: 'it does not accept the key of this server',
  rate_limit_exceeded: 'it had too many requests',
  insufficient_quota: 'its account has no credit',
  overloaded: 'it was overloaded',
  first_token_timeout: 'no output came within the time that is allowed',
  stall_timeout: 'it fell silent',
  deadline_exceeded: 'the time for the whole request was over',
  context_length_exceeded: 'the chat is longer than its context',
  content_policy_violation: 'its rules on content refuse the request',
  invalid_value: 'it refuses a value of the request',
};

/** What happened to a request, in plain sentences: each attempt in its order, and how it ended for the client. */
export function storyOf(record: RequestRecord): readonly Sentence[] {
  return [...record.attemptLog.map((_, at) => attemptSentence(record, at)), ending(record)];
}

function attemptSentence({ attemptLog }: RequestRecord, at: number): Sentence {
  const attempt = attemptLog[at] as RequestAttempt;
  const before = attemptLog[at - 1];
  const target = { name: attempt.target };
  const delivered = attempt.deliveredTokens ?? 0;
  const isTakeover = attempt.mode === 'prefix' || attempt.mode === 'replay';
  if (attempt.outcome === 'failed') {
    const why: StoryPart[] =
      attempt.code === undefined
        ? []
        : [`: ${reasons[attempt.code] ?? 'it failed'} (`, { name: attempt.code }, ')'];
    if (isTakeover && delivered === 0)
      return [target, ' was asked to take the answer over, and failed', ...why, '.'];
    if (delivered > 0) return [target, ` cut the stream after ${tokens(delivered)}`, ...why, '.'];
    return [target, ' failed before any output of it reached the client', ...why, '.'];
  }
  if (attempt.outcome === 'lost') return [target, ' was slower than another target, and was stopped.'];
  if (attempt.outcome === 'aborted') {
    const had = delivered > 0 ? `had sent ${tokens(delivered)}` : 'had sent nothing yet';
    return [target, ` ${had} when the request ended.`];
  }
  if (attempt.outcome !== 'served') return [target, ' was at work when its server ended.'];
  if (attempt.mode === 'prefix') return [target, ` went on from there: ${tokens(delivered)} more.`];
  if (attempt.mode === 'replay')
    return [target, ` made the same answer again, and went on from the cut: ${tokens(delivered)} more.`];
  if (attempt.mode === 'hedge')
    return [target, ` was asked beside the slow target, and was quicker: ${tokens(delivered)}.`];
  const again =
    before === undefined
      ? ''
      : before.target === attempt.target
        ? ' was asked again, and'
        : ' took its place, and';
  // Records of earlier versions do not know what was delivered.
  const much = attempt.deliveredTokens === undefined ? '' : ` with ${tokens(delivered)}`;
  return [target, `${again} answered${much}.`];
}

function ending({ status, completionTokens, durationMs }: RequestRecord): Sentence {
  const after = duration(durationMs);
  switch (status) {
    case 'open':
      return ['It still runs.'];
    case 'completed':
      return [`The client has the whole answer, ${tokens(completionTokens)} in ${after}.`];
    case 'failed':
      return [`The client got an error and no output, after ${after}. It is charged nothing.`];
    case 'cut':
      return [`The client got ${tokens(completionTokens)} and then an error, after ${after}.`];
    case 'cancelled':
      return [`A cancel call ended it after ${after} and ${tokens(completionTokens)}.`];
    case 'abandoned':
      return [`The client left, or the server ended, after ${after} and ${tokens(completionTokens)}.`];
  }
}

function tokens(amount: number): string {
  return amount === 1 ? '1 token' : `${count(amount)} tokens`;
}
