import { checkStream, errorCodes } from '@tailrace/protocol';
import { isInterim, parseResponses, type RawResponse } from '../support/http-bytes.ts';
import { leakIn } from './planted.ts';
import type { Received } from './tcp-client.ts';

/** How an answer ended, for the summary: a campaign that sees only refusals would prove nothing. */
export type Outcome = 'whole' | 'error event' | 'refused' | 'failed' | 'left' | 'no answer';

export interface Judgement {
  readonly outcome: Outcome;
  /** What is wrong with it; absent where it is right. */
  readonly finding?: string;
}

export interface Question {
  /** The mark of the request's own prompt, the only one that may come back. */
  readonly mark?: string;
  /** Whether the request asks for logprobs; absent where the case does not say. */
  readonly logprobs?: boolean;
  /** The request is well-formed HTTP, so there must be one whole answer. */
  readonly answered: boolean;
  /** The client closes its half, which may come before a slow answer and ends it. */
  readonly halfClosed?: boolean;
  /** A request among them may be a HEAD, whose answer has no body: so its end cannot be found in the bytes. */
  readonly opaque?: boolean;
}

/** An event of 1 MiB that is not ASCII is six times as long when it is sent on. */
const mostEventBytes = 8 * 1024 * 1024;
const codes: ReadonlySet<string> = new Set(errorCodes);

/** Checks everything that one connection received. */
export function judgeAnswer(received: Received, question: Question): Judgement {
  const text = received.bytes.toString('latin1');
  const leak = leakIn(text, question.mark) ?? leakIn(unescaped(text), question.mark);
  if (leak !== undefined) return { outcome: 'whole', finding: leak };
  if (question.opaque === true) return { outcome: received.bytes.length === 0 ? 'no answer' : 'refused' };
  let responses: readonly RawResponse[];
  try {
    const closed = received.end === 'end';
    responses = parseResponses(received.bytes, { closed }).filter(({ status }) => !isInterim(status));
  } catch (error) {
    return { outcome: 'no answer', finding: `the answer is not HTTP: ${String(error)}` };
  }
  if (received.end === 'left') return { outcome: 'left' };
  if (question.answered && responses.length !== 1) {
    return {
      outcome: 'no answer',
      finding: `${responses.length} answers, and the end was '${received.end}'`,
    };
  }
  let outcome: Outcome = 'no answer';
  for (const response of responses) {
    const judged = judgeResponse(response, received, question);
    if (judged.finding !== undefined) return judged;
    outcome = judged.outcome;
  }
  return { outcome };
}

function judgeResponse(response: RawResponse, { end }: Received, question: Question): Judgement {
  const body = response.body.toString('utf8');
  const isStream = response.header('content-type')?.startsWith('text/event-stream') === true;
  if (response.status === 200 && isStream) {
    // A stream that breaks off without an error event is torn, and a client sees that too.
    if (!response.complete && (end === 'reset' || question.halfClosed === true)) return { outcome: 'failed' };
    if (!response.complete) return { outcome: 'failed', finding: `a stream without an end (${end})` };
    const { violations, summary } = checkStream(response.body, {
      logprobs: question.logprobs === true,
      maxEventBytes: mostEventBytes,
    });
    const [first] = violations.filter(({ rule }) => rule !== 'logprobs' || question.logprobs !== undefined);
    if (first !== undefined) return { outcome: 'whole', finding: `${first.rule}: ${first.message}` };
    return { outcome: summary.complete ? 'whole' : 'error event' };
  }
  if (!response.complete) return { outcome: 'failed', finding: `an answer that is not whole (${end})` };
  if (response.status < 400) return judgeWhole(response, body);
  if (response.status === 500) return { outcome: 'failed', finding: `500: ${body.slice(0, 500)}` };
  const code = envelopeCode(body);
  if (code === undefined || !codes.has(code)) {
    return { outcome: 'failed', finding: `${response.status} without our envelope: ${body.slice(0, 500)}` };
  }
  return { outcome: response.status < 500 ? 'refused' : 'failed' };
}

/** A JSON answer has to be JSON, and a completion among them has to be finished. */
function judgeWhole(response: RawResponse, body: string): Judgement {
  if (response.header('content-type')?.startsWith('application/json') !== true) return { outcome: 'whole' };
  let answer: {
    readonly object?: unknown;
    readonly choices?: readonly { readonly finish_reason?: unknown }[];
  } | null;
  try {
    answer = JSON.parse(body) as typeof answer;
  } catch {
    return { outcome: 'whole', finding: `an answer that is not JSON: ${body.slice(0, 500)}` };
  }
  const choices = answer?.choices ?? [];
  const finished = choices.length > 0 && choices.every((choice) => typeof choice.finish_reason === 'string');
  return answer?.object !== 'chat.completion' || finished
    ? { outcome: 'whole' }
    : { outcome: 'whole', finding: `a completion without a finish: ${body.slice(0, 500)}` };
}

function envelopeCode(body: string): string | undefined {
  try {
    const { error } = JSON.parse(body) as { error?: { code?: unknown; message?: unknown } };
    return typeof error?.code === 'string' && typeof error.message === 'string' ? error.code : undefined;
  } catch {
    return undefined;
  }
}

/** `\u0070` as it will read once it is parsed. */
function unescaped(text: string): string {
  return text.replace(/\\u([0-9a-f]{4})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
