import { isDeepStrictEqual } from 'node:util';
import {
  type ChatCompletion,
  checkStream,
  type ErrorEnvelope,
  type FinishReason,
  isErrorCode,
  type UsageWire,
} from '@tailrace/protocol';
import type { FaultCall, Outcome } from '../../packages/server/src/wall/fault.ts';
import type { RawResponse } from '../support/http-bytes.ts';
import { type ChatMessage, promptTokensOf, tokensFor } from './ask-relay.ts';
import type { FaultCase } from './columns.ts';

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
  readonly calls: readonly FaultCall[];
  readonly outputs: Readonly<Record<string, unknown>>;
  /** Absent: not compared. */
  readonly thoughts?: string;
  /** Absent: any count above zero. */
  readonly counts?: { readonly prompt: number; readonly completion: number };
}

/** The answers that the client may get: that of the fault, and that of the healthy target. */
export function truthsOf({ fault, word }: FaultCase, messages: readonly ChatMessage[]): readonly Truth[] {
  const n = fault.asks?.['n'];
  const choices = Array.from({ length: typeof n === 'number' ? n : 1 }, (_, index) =>
    tokensFor(messages, index, fault.asks?.['response_format'] !== undefined),
  );
  const healthy: Truth = {
    texts: choices.map((tokens) => tokens.join('')),
    finish: 'stop',
    calls: [],
    outputs: {},
  };
  const own: Truth = {
    texts: choices.map((tokens) => fault.says?.(tokens) ?? tokens.join('')),
    finish: fault.finishes ?? 'stop',
    calls: fault.calls ?? [],
    outputs: fault.outputs?.(word) ?? {},
    ...(fault.thoughts === undefined ? {} : { thoughts: fault.thoughts }),
    ...(fault.counts === undefined
      ? {}
      : { counts: { prompt: promptTokensOf(messages), completion: fault.counts(choices.flat().length) } }),
  };
  // An answer that the healthy target never serves must be as the fault sends it.
  return fault.expected.one.streaming.kind === 'whole' ? [own] : [own, healthy];
}

export function judgeStream(response: RawResponse, truths: readonly Truth[]): Verdict {
  if (response.status !== 200) return judgeRefusal(response);
  const { violations, summary } = checkStream(response.body, { choices: truths[0]?.texts.length ?? 1 });
  const { usage } = summary;
  const lies = violations.map(({ rule, message }) => `${rule}: ${message}`);
  const outputs = otherFields(response.body.toString());
  const said = summary.choices.map(
    ({ content, reasoning, toolCalls, finishReason }): SaidChoice => ({
      text: content,
      thoughts: reasoning,
      calls: toolCalls,
      finish: finishReason,
      outputs,
    }),
  );
  const begun = said.some(
    ({ text, calls }) => text !== '' || calls.length > 0 || Object.keys(outputs).length > 0,
  );
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
  const said = choices.map(
    ({ message, finish_reason: finish }): SaidChoice => ({
      text: message.content ?? '',
      thoughts: message.reasoning_content ?? '',
      calls: (message.tool_calls ?? []).map((call) => call.function),
      finish,
      outputs: unnamed(message),
    }),
  );
  return { outcome: { kind: 'whole' }, lies: wholeLies(said, usage, truths), begun: true, usage };
}

interface SaidChoice {
  readonly text: string;
  readonly thoughts: string;
  readonly calls: readonly { readonly name: string; readonly arguments: string }[];
  readonly outputs: Readonly<Record<string, unknown>>;
  readonly finish: FinishReason | undefined;
}

function wholeLies(
  said: readonly SaidChoice[],
  usage: UsageWire | undefined,
  truths: readonly Truth[],
): string[] {
  const matches = ({ texts, finish, calls, outputs, thoughts }: Truth) =>
    said.length === texts.length &&
    said.every(
      (choice, index) =>
        choice.text === texts[index] &&
        choice.finish === finish &&
        sameCalls(choice, calls) &&
        isDeepStrictEqual(choice.outputs, outputs) &&
        (thoughts === undefined || choice.thoughts === thoughts),
    );
  const counted = truths.some(({ counts }) => {
    const { prompt_tokens: prompt = 0, completion_tokens: completion = 0 } = usage ?? {};
    if (counts === undefined) return prompt > 0 && completion > 0;
    return prompt === counts.prompt && completion === counts.completion;
  });
  return [
    ...(truths.some(matches) ? [] : [`not the answer: ${shown(said)}`]),
    ...(counted ? [] : [`not the usage: ${JSON.stringify(usage)}`]),
  ];
}

function sameCalls({ calls }: SaidChoice, wanted: readonly FaultCall[]): boolean {
  const said = calls.map(({ name, arguments: text }) => ({ name, arguments: parsed(text) }));
  return isDeepStrictEqual(said, wanted);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const named: ReadonlySet<string> = new Set([
  'role',
  'content',
  'refusal',
  'reasoning_content',
  'tool_calls',
  'extra_content',
]);

/** The fields of all deltas that chat completions have no name for; a later one replaces an earlier one. */
function otherFields(body: string): Readonly<Record<string, unknown>> {
  const events = [...body.matchAll(/^data: (\{.*)$/gm)].map(([, json = '']) => parsed(json) as OtherChunk);
  const deltas = events.flatMap(({ choices = [] }) => choices.map(({ delta = {} }) => unnamed(delta)));
  return Object.assign({}, ...deltas) as Readonly<Record<string, unknown>>;
}

interface OtherChunk {
  readonly choices?: readonly { readonly delta?: object }[];
}

function unnamed(fields: object): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !named.has(name)));
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
