import { errorKind, isErrorCode } from '@tailrace/protocol';
import type { Failure } from '../../domain/failure.ts';
import type { JsonObject } from '../../domain/json.ts';
import {
  callersFault,
  type DecodedError,
  type ErrorContext,
  type ErrorFacts,
  factsOfEvent,
  factsOfRefusal,
  failureByStatus,
  messageOf,
  notServed,
  type Refusal,
} from '../http/refusal/refusal.ts';
import { asList, asObject, parseJson } from '../http/unknown-json.ts';

/** The members of an error, from any of the places where providers put them. */
export interface UpstreamError {
  readonly message: string;
  readonly code?: string;
  readonly type?: string;
  readonly param?: string;
  /** An HTTP status that the error itself names. */
  readonly status?: number;
}

/**
 * Match the messages of providers that have no error code for a prompt that is too long. Each expression has bounded
 * repetitions, so its cost is linear in the length of any text.
 */
export const contextWordings: readonly RegExp[] = [
  /maximum context length/i, // OpenAI, vLLM, DeepSeek, OpenRouter, Mistral
  /maximum prompt length/i, // xAI
  /longer than the model'?s context length/i, // SGLang
  /exceed(?:s|ed|ing)? (?:the |max(?:imum)? )?(?:available |model'?s? )?context (?:size|length|window)/i, // llama.cpp, Ollama
  /context (?:length|window|size) (?:of|is|exceeded|overflow)/i, // llama.cpp's Python server, LM Studio
  /greater than the context length/i, // LM Studio
  /too large for model with \d{1,12} maximum/i, // Mistral
  /prompt (?:is )?too long/i, // Fireworks, Ollama
  /`?inputs`? tokens \+ `?max_new_tokens`? must be/i, // Together, TGI
  /`?inputs`? must have less than \d{1,12} tokens/i, // TGI
  /input token count .{0,40}exceeds the maximum/i, // Gemini
  /reduce the length of the (?:messages|prompt|input)/i, // Groq
];
const contextCodes = new Set([
  'context_length_exceeded',
  'exceed_context_size_error',
  'string_above_max_length',
]);
const policyCodes = new Set(['content_policy_violation', 'content_filter', 'responsibleaipolicyviolation']);
const noCreditCodes = new Set(['insufficient_quota', 'insufficient_balance', 'billing_hard_limit_reached']);

/** The failure of an answer that is no event stream (contract, section 7). */
export function failureOfRefusal(refusal: Refusal, context: ErrorContext): Failure {
  const error = parseError(refusal.body);
  // The HTTP status is used, and never the status inside the error.
  const { status: _status, ...read } = readError(error);
  return judge(error, factsOfRefusal(refusal, read, context));
}

/** The failure for an error inside an answer. `status`: the HTTP status for an error that names none. */
export function failureOfEvent(value: unknown, context: ErrorContext, status = 500): Failure {
  const error = errorFrom(value);
  return judge(error, factsOfEvent('in the answer', readError(error), context, status));
}

function readError({ message, code, type, status, param }: UpstreamError): DecodedError {
  return { message, names: { status, type, code, param }, status, param };
}

function judge(error: UpstreamError, facts: ErrorFacts): Failure {
  const { status, cause } = facts;
  const code = (error.code ?? error.type ?? '').toLowerCase();
  if (policyCodes.has(code)) {
    return callersFault(
      'content_policy_violation',
      'The content policy of the upstream refused this request',
      facts,
    );
  }
  // A prompt that is too long may come as 400, 413, 422, and from llama.cpp as 500.
  if (contextCodes.has(code) || (isAboutContent(status) && isTooLong(error.message))) {
    return callersFault('context_length_exceeded', 'The prompt is too long for the model', facts);
  }
  if (status === 429 && noCreditCodes.has(code)) return notServed(cause);
  const failed = failureByStatus(facts);
  if (failed.code !== 'invalid_value' || !isErrorCode(error.code)) return failed;
  return errorKind(error.code).status === 400 ? { ...failed, code: error.code } : failed;
}

function isAboutContent(status: number): boolean {
  return status === 400 || status === 413 || status === 422 || status === 500;
}

function isTooLong(message: string): boolean {
  return contextWordings.some((wording) => wording.test(message));
}

/**
 * Reads the body of a refusal: `{error: {…}}`, `{error: "…"}`, the members at the top (vLLM, Mistral), `{detail: …}` (FastAPI),
 * a list with one of these (Gemini's compatible API), or text. HTML has no message.
 */
export function parseError(body: string): UpstreamError {
  const parsed = parseJson(body);
  if (parsed === undefined) return { message: /^\s*</.test(body) ? '' : messageOf(body) };
  return errorFrom(Array.isArray(parsed) ? parsed[0] : parsed);
}

/** {@link parseError} for a value that is parsed already. */
export function errorFrom(value: unknown): UpstreamError {
  if (typeof value === 'string') return { message: messageOf(value) };
  const outer = asObject(value);
  if (outer === undefined) return { message: '' };
  const inner = asObject(outer['error']);
  if (inner === undefined && typeof outer['error'] === 'string')
    return { message: messageOf(outer['error']) };
  // Mistral puts the details of FastAPI into the member `message`.
  const fields = { ...(inner ?? outer), ...asObject((inner ?? outer)['message']) };
  const message = [fields['message'], fields['detail'], fields['msg']].find(
    (text) => typeof text === 'string',
  );
  const detail = asObject(asList(fields['detail'])[0]);
  const code = fields['code'] ?? fields['status'];
  const status = statusFrom(code) ?? statusFrom(fields['status_code']);
  return {
    message: messageOf(message ?? detail?.['msg']),
    ...(typeof code === 'string' && status === undefined ? { code } : {}),
    ...(typeof fields['type'] === 'string' ? { type: fields['type'] } : {}),
    // vLLM writes the path as a text, `body.top_k`.
    ...(typeof fields['param'] === 'string' ? { param: fields['param'] } : paramFrom(detail)),
    ...(status === undefined ? {} : { status }),
  };
}

/** FastAPI's path of the field at fault, `["body", "messages", 0, "role"]`. */
function paramFrom(detail: JsonObject | undefined): { param?: string } {
  if (!Array.isArray(detail?.['loc'])) return {};
  const [first, ...rest] = detail['loc'];
  const path = (first === 'body' ? rest : [first, ...rest]).reduce(
    (joined: string, step) => (typeof step === 'number' ? `${joined}[${step}]` : `${joined}.${String(step)}`),
    '',
  );
  return { param: path.slice(1) };
}

function statusFrom(code: unknown): number | undefined {
  const number = typeof code === 'string' && /^\d{3}$/.test(code) ? Number(code) : code;
  return typeof number === 'number' && Number.isInteger(number) && number >= 400 && number < 600
    ? number
    : undefined;
}
