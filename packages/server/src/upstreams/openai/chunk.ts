import type { TokenLogprobWire } from '@tailrace/protocol';
import { isBlank, isObject, type JsonObject, type JsonValue } from '../../domain/json.ts';
import { answerBounds } from '../http/answer/answer-budget.ts';
import { isReason } from '../http/answer/finish-reasons.ts';
import { otherField } from '../http/answer/other-output.ts';
import type { ReportedCounts } from '../http/answer/reported-counts.ts';
import type { CallPiece } from '../http/answer/tool-calls.ts';
import { errorIn, hasError } from '../http/refusal/upstream-error.ts';
import { asList, asObject, asText, jsonOf } from '../http/unknown-json.ts';
import { decodeCalls } from './call-pieces.ts';
import { decodeContent, type OutputPiece, textOf } from './content.ts';
import { decodeTimings, decodeUsage } from './usage.ts';

/** One event of any OpenAI-compatible upstream in one shape. */
export interface UpstreamChunk {
  readonly choices: readonly ChunkChoice[];
  /** What the chunk reports of the whole answer. */
  readonly usage?: ReportedCounts;
  readonly fingerprint?: string;
  /** The chunk, or the choice, that is an error or has one. */
  readonly error?: JsonObject;
}

/** What one event adds to one choice; its texts are empty where it has none. */
export interface ChunkChoice {
  /** As it came; absent in chunks of some servers. */
  readonly index: unknown;
  /** True for a whole message: after deltas it repeats them. */
  readonly whole: boolean;
  readonly text: string;
  readonly reasoning: string;
  readonly refusal: string;
  readonly calls: readonly CallPiece[];
  readonly finish?: string;
  readonly logprobs?: readonly TokenLogprobWire[];
  /** OpenRouter's `reasoning_details`; the next turn must send them back. */
  readonly details: readonly JsonObject[];
  /** What the chunk reports of this choice. */
  readonly usage?: ReportedCounts;
  /** What follows the text, in its order; undefined in nearly every event. */
  readonly others: readonly OutputPiece[] | undefined;
  /** What the provider wants back with the message. */
  readonly extra: JsonObject | undefined;
}

/**
 * Matches a chunk with JSON that is passed on as it came: `reasoning_details`, `extra_content`, arguments that are objects. An
 * escaped letter matches too, because it may stand in one of these names.
 */
export const passesJsonOn =
  /"(?:extra_content|arguments|parameters|args|input)"\s*:\s*[{[]|"reasoning_details"\s*:\s*\[\s*[^\]\s]|\\u00[4-7]/;

/** The most choices in one event: a request has at most 128, and some upstreams send several pieces of each in one event. */
const maxChoices = 1_024;

/**
 * Decodes a chunk, or a whole completion (with `message` instead of `delta`). Undefined where its shape is not that of a chunk:
 * it may then hold output that this decoder does not know.
 */
export function decodeChunk(chunk: JsonObject): UpstreamChunk | undefined {
  const { choices, system_fingerprint: fingerprint } = chunk;
  const error = errorIn(chunk);
  if (error !== undefined) return { choices: [], error };
  const isWrong = choices !== undefined && choices !== null && !Array.isArray(choices);
  if (isWrong || chunk['delta'] !== undefined) return undefined;
  if (asList(choices).length > maxChoices) return undefined;
  if (asList(choices).length === 0 && holdsOutput(chunk)) return undefined;
  // Groq reports the usage of a stream in an object of its own.
  const usage = decodeUsage(chunk['usage']) ?? decodeUsage(asObject(chunk['x_groq'])?.['usage']);
  const timings = asList(choices).length === 1 ? chunk['timings'] : undefined;
  const decoded: ChunkChoice[] = [];
  // An event without choices reports the provider's progress and has no output.
  for (const choice of asList(choices)) {
    if (choice === null) continue;
    // OpenRouter writes the error of a choice into the choice.
    if (isObject(choice) && hasError(choice)) return { choices: [], error: choice };
    const one = decodeChoice(choice, timings);
    if (one === undefined) return undefined;
    decoded.push(one);
  }
  return {
    choices: decoded,
    ...(usage === undefined ? {} : { usage }),
    ...(isFingerprint(fingerprint) ? { fingerprint } : {}),
  };
}

/** Every chunk of our answer repeats the fingerprint, so a long one is replaced by ours. */
function isFingerprint(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= answerBounds.fingerprint;
}

/** `timings`: llama.cpp's counts of this choice. */
function decodeChoice(value: unknown, timings: unknown): ChunkChoice | undefined {
  const choice = asObject(value);
  if (choice === undefined) return undefined;
  const given = choice['delta'] ?? null;
  const whole = saysMore(given) ? undefined : wholeOf(choice);
  if (given === null && whole === undefined && holdsOutput(choice)) return undefined;
  const said = whole ?? given ?? {};
  // PHP writes an empty object as an empty list.
  const delta = Array.isArray(said) && said.length === 0 ? {} : asObject(said);
  if (delta === undefined) return undefined;
  const content = decodeContent(delta['content']);
  const details = decodeDetails(delta['reasoning_details']);
  const thought = textOf(delta['reasoning_content']);
  const second = textOf(delta['reasoning']);
  const reasoning = thought === '' ? (second ?? '') : thought;
  const refusal = textOf(delta['refusal']);
  const calls = decodeCalls(delta, whole !== undefined);
  if (content === undefined || reasoning === undefined || refusal === undefined || calls === undefined) {
    return undefined;
  }
  const others = othersOf(delta, content.others, second === reasoning || second === '');
  const { extra_content: extra } = delta;
  const finish = choice['finish_reason'];
  const logprobs = decodeLogprobs(choice['logprobs']);
  const usage = decodeUsage(choice['usage']) ?? decodeTimings(timings);
  return {
    index: choice['index'],
    whole: whole !== undefined,
    text: content.text,
    reasoning: content.reasoning + (reasoning === '' ? detailsText(details) : reasoning),
    refusal,
    calls,
    details,
    others: others.length === 0 ? undefined : others,
    extra: isWritable(extra) ? extra : undefined,
    ...(isReason(finish) ? { finish } : {}),
    ...(logprobs === undefined ? {} : { logprobs }),
    ...(usage === undefined ? {} : { usage }),
  };
}

/** Members that are output as texts, and as lists or objects. */
const textMembers = [
  'content',
  'text',
  'output_text',
  'generated_text',
  'response',
  'output',
  'reasoning_content',
  'reasoning',
  'refusal',
  'delta',
];
const listMembers = ['content', 'tool_calls', 'function_call', 'output'];

/**
 * Whether an object that should have choices, or a choice that should have a delta, has output of its own. Its `message` may also
 * be a text, such as `detail` and `status`, that reports the provider's progress.
 */
export function holdsOutput(holder: JsonObject): boolean {
  const { delta, message } = holder;
  return [holder, delta, message].some(
    (one) =>
      isObject(one) &&
      (textMembers.some((name) => typeof one[name] === 'string' && one[name] !== '') ||
        listMembers.some((name) => typeof one[name] === 'object' && !isBlank(one[name]))),
  );
}

/** The message of a choice whose delta says nothing; undefined where it has none. */
function wholeOf({ delta = null, message = null, text = null }: JsonObject): JsonValue | undefined {
  if (!isBlank(message)) return message;
  // The old completions API has neither: its text stands in the choice. Together sends a copy of the delta's text there.
  return delta === null && !isBlank(text) ? { content: text } : undefined;
}

/** Whether a delta has more than a role. One that is no object may say anything. */
function saysMore(delta: unknown): boolean {
  if (!isObject(delta)) return !isBlank(delta);
  for (const name in delta) if (name !== 'role' && !isBlank(delta[name])) return true;
  return false;
}

/** The fields of a delta that the decoder reads by name. */
const namedInDelta: ReadonlySet<string> = new Set([
  'role',
  'content',
  'refusal',
  'reasoning_content',
  'tool_calls',
  'function_call',
  'extra_content',
  // They describe the text and are no output: Together's number of the token, the channel of gpt-oss (Groq), MiniMax's name of
  // the speaker. They come with every token, and forwarded they would double the deltas and prevent every takeover.
  'token_id',
  'channel',
  'name',
]);

/**
 * The pieces after the text: those of the content, and the fields that our stream does not name. `knowsReasoning`: the field
 * `reasoning` is read, or a copy of `reasoning_content`; another value in it is passed on as it came.
 */
function othersOf(
  delta: JsonObject,
  ofContent: readonly OutputPiece[],
  knowsReasoning: boolean,
): readonly OutputPiece[] {
  let others: OutputPiece[] | undefined;
  for (const name in delta) {
    if (namedInDelta.has(name) || isBlank(delta[name])) continue;
    if (name === 'reasoning' && knowsReasoning) continue;
    if (name === 'reasoning_details' && Array.isArray(delta[name])) continue;
    others ??= [...ofContent];
    others.push({ kind: 'other', ...otherField(delta, name) });
  }
  return others ?? ofContent;
}

function decodeDetails(value: unknown): readonly JsonObject[] {
  return asList(value).filter(isWritable);
}

/** Whether a value is an object that can be written again: it is passed on as it came. */
function isWritable(value: unknown): value is JsonObject {
  return isObject(value) && jsonOf(value) !== undefined;
}

function detailsText(details: readonly JsonObject[]): string {
  return details.map(({ text, summary }) => (typeof text === 'string' ? text : asText(summary))).join('');
}

function decodeLogprobs(value: unknown): readonly TokenLogprobWire[] | undefined {
  const content = asObject(value)?.['content'];
  if (!Array.isArray(content) || content.length === 0) return undefined;
  return content.flatMap((item) => {
    const token = asObject(item);
    const one = decodeToken(token);
    if (token === undefined || one === undefined) return [];
    const top = asList(token['top_logprobs']).slice(0, answerBounds.topLogprobs);
    return [{ ...one, top_logprobs: top.flatMap((other) => decodeToken(asObject(other)) ?? []) }];
  });
}

function decodeToken(token: JsonObject | undefined) {
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
