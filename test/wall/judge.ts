import {
  type ChatCompletion,
  checkStream,
  type ErrorEnvelope,
  type FinishReason,
  isErrorCode,
  type UsageWire,
} from '@tailrace/protocol';
import type { Fault, Outcome } from '../../packages/server/src/wall/fault.ts';
import type { RawResponse } from '../support/http-bytes.ts';
import { type ChatMessage, tokensFor } from './ask-relay.ts';

/** How an answer of the relay ended, and what is false in it. */
export interface Verdict {
  readonly outcome: Outcome;
  /** One sentence each; a true answer has none. */
  readonly lies: readonly string[];
  /** Output had reached the client. */
  readonly begun: boolean;
  readonly usage: UsageWire | undefined;
}

/** One answer that the client may get. */
export interface Truth {
  /** By choice. */
  readonly texts: readonly string[];
  readonly finish: FinishReason;
}

/** The answers that the client may get: that of the fault, and that of the healthy target. */
export function truthsOf(fault: Fault, messages: readonly ChatMessage[]): readonly Truth[] {
  const n = fault.asks?.['n'];
  const choices = Array.from({ length: typeof n === 'number' ? n : 1 }, (_, index) =>
    tokensFor(messages, index, fault.asks?.['response_format'] !== undefined),
  );
  const healthy: Truth = { texts: choices.map((tokens) => tokens.join('')), finish: 'stop' };
  const own: Truth = {
    texts: choices.map((tokens) => fault.says?.(tokens) ?? tokens.join('')),
    finish: fault.finishes ?? 'stop',
  };
  // An answer that the healthy target never serves must be as the fault sends it.
  return fault.expected.one.streaming.kind === 'whole' ? [own] : [own, healthy];
}

export function judgeStream(response: RawResponse, truths: readonly Truth[]): Verdict {
  if (response.status !== 200) return judgeRefusal(response);
  const { violations, summary } = checkStream(response.body, { choices: truths[0]?.texts.length ?? 1 });
  const { usage } = summary;
  const lies = violations.map(({ rule, message }) => `${rule}: ${message}`);
  const said = summary.choices.map(({ content, finishReason }) => ({ text: content, finish: finishReason }));
  const begun = summary.choices.some(({ content, toolCalls }) => content !== '' || toolCalls.length > 0);
  if (!response.complete) lies.push('the body was cut without a word');
  if (summary.error !== undefined) {
    const { code } = summary.error;
    const partOf = ({ texts }: Truth) => said.every(({ text }, index) => texts[index]?.startsWith(text));
    if (!truths.some(partOf)) lies.push(`not a part of the text: ${shown(said)}`);
    if (isErrorCode(code)) return { outcome: { kind: 'error-event', code }, lies, begun, usage };
    return { outcome: { kind: 'whole' }, lies: [...lies, `an unknown code: ${code}`], begun, usage };
  }
  const untrue = wholeLies(said, usage, truths);
  return { outcome: { kind: 'whole' }, lies: [...lies, ...untrue], begun, usage };
}

export function judgeObject(response: RawResponse, truths: readonly Truth[]): Verdict {
  if (response.status !== 200) return judgeRefusal(response);
  const { choices, usage } = JSON.parse(response.body.toString()) as ChatCompletion;
  const said = choices.map(({ message, finish_reason: finish }) => ({ text: message.content ?? '', finish }));
  return { outcome: { kind: 'whole' }, lies: wholeLies(said, usage, truths), begun: true, usage };
}

interface SaidChoice {
  readonly text: string;
  readonly finish: FinishReason | undefined;
}

function wholeLies(
  said: readonly SaidChoice[],
  usage: UsageWire | undefined,
  truths: readonly Truth[],
): string[] {
  const matches = ({ texts, finish }: Truth) =>
    said.length === texts.length &&
    said.every((choice, index) => choice.text === texts[index] && choice.finish === finish);
  return [
    ...(truths.some(matches) ? [] : [`not the answer: ${shown(said)}`]),
    ...((usage?.completion_tokens ?? 0) > 0 ? [] : ['no tokens in the usage']),
  ];
}

function shown(said: readonly SaidChoice[]): string {
  return JSON.stringify(said).slice(0, 600);
}

function judgeRefusal({ status, body }: RawResponse): Verdict {
  const { error } = JSON.parse(body.toString()) as ErrorEnvelope;
  return {
    outcome: { kind: 'http-error', status, code: error.code },
    lies: [],
    begun: false,
    usage: undefined,
  };
}
