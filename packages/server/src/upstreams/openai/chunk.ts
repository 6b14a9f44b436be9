import type { TokenLogprobWire } from '@tailrace/protocol';
import type { JsonObject } from '../../domain/json.ts';
import type { Usage } from '../../domain/usage.ts';
import { answerBounds, usableCallId } from '../http/answer/answer-budget.ts';
import { asList, asRecord, jsonOf } from '../http/unknown-json.ts';
import type { CallPiece } from './tool-calls.ts';
import { decodeUsage } from './usage.ts';

/** One event of an upstream in one shape, whatever its dialect: what is not there is absent. */
export interface UpstreamChunk {
  readonly choices: readonly ChunkChoice[];
  readonly usage?: Usage;
  readonly fingerprint?: string;
  /** `error` as it came. */
  readonly error?: unknown;
}

export interface ChunkChoice {
  readonly index: number;
  readonly text: string;
  readonly reasoning: string;
  readonly refusal: string;
  readonly calls: readonly CallPiece[];
  readonly finish?: string;
  readonly logprobs?: readonly TokenLogprobWire[];
  /** OpenRouter's `reasoning_details`, to be handed back with the message. */
  readonly details: readonly JsonObject[];
}

/**
 * Matches a chunk with JSON that is handed on as it came: details of the reasoning, a call's extra content, arguments
 * that are an object already.
 */
export const handedOn = /"(?:extra_content|arguments)"\s*:\s*[{[]|"reasoning_details"\s*:\s*\[\s*[^\]\s]/;

/** Of one event: a request has at most 128 choices, and some send a chunk of several pieces of each. */
const maxChoices = 1_024;

/**
 * Decodes a chunk, or a whole completion (`message` for `delta`). Undefined: a shape that cannot be a chunk
 * and may hold output that this reader cannot read.
 */
export function decodeChunk(chunk: Readonly<Record<string, unknown>>): UpstreamChunk | undefined {
  const { choices, error, system_fingerprint: fingerprint } = chunk;
  // Some send the field with every chunk: null, false or empty where nothing is wrong.
  if (error !== undefined && error !== null && error !== false && error !== '') return { choices: [], error };
  const odd = choices !== undefined && choices !== null && !Array.isArray(choices);
  if (odd || chunk['delta'] !== undefined) return undefined;
  if (asList(choices).length > maxChoices) return undefined;
  const usage = decodeUsage(chunk['usage']);
  const decoded: ChunkChoice[] = [];
  // An event without choices is some progress of the provider's own, and no output.
  for (const choice of Array.isArray(choices) ? choices : []) {
    const one = decodeChoice(choice);
    if (one === undefined) return undefined;
    decoded.push(one);
  }
  return {
    choices: decoded,
    ...(usage === undefined ? {} : { usage }),
    ...(isFingerprint(fingerprint) ? { fingerprint } : {}),
  };
}

/** It is repeated in every chunk: where it is too long for a name, ours stands instead. */
function isFingerprint(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= answerBounds.fingerprint;
}

function isFilled(value: unknown): boolean {
  return value !== undefined && value !== null && value !== '';
}

function decodeChoice(value: unknown): ChunkChoice | undefined {
  const choice = asRecord(value);
  if (choice === undefined) return undefined;
  const index = choice['index'] ?? 0;
  const said = choice['delta'] ?? choice['message'] ?? {};
  // An empty list is how PHP writes an empty object.
  const delta = Array.isArray(said) && said.length === 0 ? {} : asRecord(said);
  if (typeof index !== 'number' || delta === undefined) return undefined;
  // The completions of old (a copy beside a delta is Together's way), and calls as they were before tools (a copy
  // beside those is the way of llama.cpp's Python server): output that is not dropped in silence.
  const bare = (choice['delta'] ?? choice['message'] ?? null) === null;
  const copied = Array.isArray(delta['tool_calls']) && delta['tool_calls'].length > 0;
  const oldCall = isFilled(delta['function_call']) && !copied;
  if ((bare && isFilled(choice['text'])) || oldCall) return undefined;
  const content = decodeContent(delta['content']);
  const details = decodeDetails(delta['reasoning_details']);
  const reasoning = firstText(delta['reasoning_content'], delta['reasoning']);
  const refusal = firstText(delta['refusal']);
  const calls = decodeCalls(delta['tool_calls']);
  if (content === undefined || reasoning === undefined || refusal === undefined || calls === undefined) {
    return undefined;
  }
  const finish = choice['finish_reason'];
  const logprobs = decodeLogprobs(choice['logprobs']);
  return {
    index,
    text: content.text,
    reasoning: content.reasoning + (reasoning === '' ? detailsText(details) : reasoning),
    refusal,
    calls,
    details,
    ...(typeof finish === 'string' && finish !== '' ? { finish } : {}),
    ...(logprobs === undefined ? {} : { logprobs }),
  };
}

/** A string, nothing, or parts (Mistral sends its thinking as parts). Undefined: something else. */
function decodeContent(value: unknown): { text: string; reasoning: string } | undefined {
  if (value === undefined || value === null) return { text: '', reasoning: '' };
  if (typeof value === 'string') return { text: value, reasoning: '' };
  if (!Array.isArray(value)) return undefined;
  let text = '';
  let reasoning = '';
  for (const item of value) {
    const part = asRecord(item);
    if (part === undefined) return undefined;
    if (part['type'] === 'text' && typeof part['text'] === 'string') text += part['text'];
    else if (part['type'] === 'thinking') {
      const thinking = decodeContent(part['thinking']);
      if (thinking === undefined) return undefined;
      reasoning += thinking.text;
    } else if ('text' in part) return undefined;
  }
  return { text, reasoning };
}

/** The first that says something; empty where none does. Undefined: one is no string. */
function firstText(...values: readonly unknown[]): string | undefined {
  const given = values.filter((value) => value !== undefined && value !== null && value !== '');
  const [first = ''] = given;
  return typeof first === 'string' ? first : undefined;
}

function decodeDetails(value: unknown): readonly JsonObject[] {
  if (!Array.isArray(value)) return [];
  return value.filter(isHandedOn);
}

/** What is handed on as it came must be possible to write again. */
function isHandedOn(value: unknown): value is JsonObject {
  return asRecord(value) !== undefined && jsonOf(value) !== undefined;
}

function detailsText(details: readonly JsonObject[]): string {
  return details
    .map(({ text, summary }) =>
      typeof text === 'string' ? text : typeof summary === 'string' ? summary : '',
    )
    .join('');
}

function decodeCalls(value: unknown): readonly CallPiece[] | undefined {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) return undefined;
  const pieces: CallPiece[] = [];
  for (const item of value) {
    const call = asRecord(item);
    if (call === undefined) return undefined;
    const called = asRecord(call['function'] ?? {});
    if (called === undefined) return undefined;
    const { index, id, extra_content: extra } = call;
    const { name, arguments: args } = called;
    const text = decodeArguments(args);
    if (text === undefined) return undefined;
    pieces.push({
      ...(typeof index === 'number' ? { index } : {}),
      ...(typeof id === 'string' && id !== '' ? { id: usableCallId(id) } : {}),
      ...(typeof name === 'string' && name !== '' ? { name } : {}),
      ...(text === '' ? {} : { arguments: text }),
      ...(isHandedOn(extra) ? { extra } : {}),
    });
  }
  return pieces;
}

function decodeArguments(value: unknown): string | undefined {
  if (value === undefined || value === null) return '';
  if (typeof value === 'string') return value;
  // Some hand over what they have parsed.
  return typeof value === 'object' ? jsonOf(value) : undefined;
}

function decodeLogprobs(value: unknown): readonly TokenLogprobWire[] | undefined {
  const content = asRecord(value)?.['content'];
  if (!Array.isArray(content) || content.length === 0) return undefined;
  return content.flatMap((item) => {
    const token = asRecord(item);
    const one = decodeToken(token);
    if (token === undefined || one === undefined) return [];
    const given = Array.isArray(token['top_logprobs']) ? token['top_logprobs'] : [];
    const top = given.slice(0, answerBounds.topLogprobs);
    return [{ ...one, top_logprobs: top.flatMap((other) => decodeToken(asRecord(other)) ?? []) }];
  });
}

function decodeToken(token: Record<string, unknown> | undefined) {
  if (typeof token?.['token'] !== 'string' || typeof token['logprob'] !== 'number') return undefined;
  if (token['token'].length > answerBounds.tokenText) return undefined;
  const { bytes } = token;
  const isBytes =
    Array.isArray(bytes) &&
    bytes.length <= answerBounds.tokenBytes &&
    bytes.every((byte) => Number.isInteger(byte) && byte >= 0 && byte < 256);
  return {
    token: token['token'].toWellFormed(),
    logprob: token['logprob'],
    bytes: isBytes ? (bytes as number[]) : null,
  };
}
