import { errorKind, isErrorCode } from '@tailrace/protocol';
import type { Failure } from '../../domain/failure.ts';
import {
  callersFault,
  type DecodedError,
  type ErrorContext,
  type ErrorFacts,
  factsOfEvent,
  factsOfRefusal,
  failureByStatus,
  notServed,
  type Refusal,
} from '../http/refusal/refusal.ts';
import { errorFrom, parseError, type UpstreamError } from '../http/refusal/upstream-error.ts';

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
  'context_window_exceeded',
  'contextwindowexceedederror',
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

/**
 * The failure for an error inside an answer: an event or an answer, or only its member `error`. `status`: the HTTP status for an
 * error that gives none. Default: 500, a failure of the provider.
 */
export function failureOfEvent(value: unknown, context: ErrorContext, status = 500): Failure {
  const error = errorFrom(value);
  return judge(error, factsOfEvent('in the answer', readError(error), context, error.namedStatus ?? status));
}

function readError({ message, code, type, status, param, retryAfterMs }: UpstreamError): DecodedError {
  return { message, names: { status, type, code, param }, status, param, retryAfterMs };
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

/** Whether an error with this status may mean that the prompt is too long. 200: it came inside an answer, without a status. */
function isAboutContent(status: number): boolean {
  return status === 400 || status === 413 || status === 422 || status === 500 || status === 200;
}

function isTooLong(message: string): boolean {
  return contextWordings.some((wording) => wording.test(message));
}
