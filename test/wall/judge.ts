import { type ChatCompletion, checkStream, type ErrorEnvelope, isErrorCode } from '@tailrace/protocol';
import type { Fault, Outcome } from '../../packages/server/src/wall/fault.ts';
import { healthyTokens } from '../../packages/server/src/wall/healthy-answer.ts';
import type { RawResponse } from '../support/http-bytes.ts';
import { messages } from './wall-client.ts';

/** How an answer of the relay ended, and what of it is a lie. */
export interface Verdict {
  readonly outcome: Outcome;
  /** One sentence each; a true answer has none. */
  readonly lies: readonly string[];
}

/** `choices`: how many were asked for. `truths`: texts that the first choice may hold, or begin with. */
export interface Truth {
  readonly choices: number;
  readonly texts: readonly string[];
}

/** What the client may be told: the text of the fault, and that of the healthy target beside it. */
export function truthOf(fault: Fault): Truth {
  const healthy = healthyTokens({ messages: messages.map(({ role, content }) => ({ role, text: content })) });
  const n = fault.asks?.['n'];
  const text = fault.says?.(healthy) ?? healthy.join('');
  // What is never handed to the healthy target must come as the fault says it.
  const handedOver = fault.expected.one.streaming.kind !== 'whole';
  return {
    choices: typeof n === 'number' ? n : 1,
    texts: handedOver ? [...new Set([text, healthy.join('')])] : [text],
  };
}

export function judgeStream(response: RawResponse, truth: Truth): Verdict {
  if (response.status !== 200) return judgeRefusal(response);
  const { violations, summary } = checkStream(response.body, { choices: truth.choices });
  const lies = violations.map(({ rule, message }) => `${rule}: ${message}`);
  const said = summary.choices[0]?.content ?? '';
  if (summary.error !== undefined) {
    if (!truth.texts.some((text) => text.startsWith(said))) lies.push(`not a part of the text: ${said}`);
    const { code } = summary.error;
    if (!isErrorCode(code))
      return { outcome: { kind: 'whole' }, lies: [...lies, `an unknown code: ${code}`] };
    return { outcome: { kind: 'error-event', code }, lies };
  }
  if (!response.complete) lies.push('the body was cut without a word');
  if (!truth.texts.includes(said)) lies.push(`not the text: ${said.slice(0, 400)}`);
  if (!((summary.usage?.completion_tokens ?? 0) > 0)) lies.push('no tokens in the usage');
  return { outcome: { kind: 'whole' }, lies };
}

export function judgeObject(response: RawResponse, truth: Truth): Verdict {
  if (response.status !== 200) return judgeRefusal(response);
  const { choices, usage } = JSON.parse(response.body.toString()) as ChatCompletion;
  const said = choices[0]?.message.content ?? '';
  const lies: string[] = [];
  if (choices.length !== truth.choices) lies.push(`${choices.length} choices`);
  if (!truth.texts.includes(said)) lies.push(`not the text: ${said.slice(0, 400)}`);
  if (choices.some(({ finish_reason: reason }) => reason === null)) lies.push('no finish reason');
  if (!(usage.completion_tokens > 0)) lies.push('no tokens in the usage');
  return { outcome: { kind: 'whole' }, lies };
}

function judgeRefusal({ status, body }: RawResponse): Verdict {
  const { error } = JSON.parse(body.toString()) as ErrorEnvelope;
  return { outcome: { kind: 'http-error', status, code: error.code }, lies: [] };
}
