import { errorKind, isErrorCode } from '@tailrace/protocol';
import { type Failure, failure } from '../../domain/failure.ts';

/** An answer that is none: its status, its headers in lower case, and as much of its body as was read. */
export interface Refusal {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: string;
}

export interface ErrorContext {
  /** Never shown to a client: the upstream's host and key. */
  readonly hidden: readonly string[];
  /** Unix milliseconds, for `Retry-After` as a date. */
  readonly nowMs: number;
}

/** What providers put into an error, wherever they put it. */
export interface UpstreamError {
  readonly message: string;
  readonly code?: string;
  readonly type?: string;
  readonly param?: string;
  /** A code that is a number is a status. */
  readonly status?: number;
}

/** Ways to say that the prompt is too long for those who have no code for it: vendor and wording. */
const contextWordings: readonly RegExp[] = [
  /maximum context length/i, // OpenAI, vLLM, DeepSeek, OpenRouter, Mistral
  /maximum prompt length/i, // xAI
  /longer than the model'?s context length/i, // SGLang
  /exceed\w* (?:the |max(?:imum)? )?(?:available |model'?s? )?context (?:size|length|window)/i, // llama.cpp, Ollama
  /context (?:length|window|size) (?:of|is|exceeded|overflow)/i, // llama.cpp's Python server, LM Studio
  /greater than the context length/i, // LM Studio
  /too large for model with \d+ maximum/i, // Mistral
  /prompt (?:is )?too long/i, // Fireworks, Ollama
  /`?inputs`? tokens \+ `?max_new_tokens`? must be/i, // Together, TGI
  /`?inputs`? must have less than \d+ tokens/i, // TGI
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

/** An HTTP error as a failure of ours (contract, section 7). */
export function failureOf(refusal: Refusal, context: ErrorContext): Failure {
  const error = parseError(refusal.body);
  const detail = `HTTP ${refusal.status}: ${refusal.body.slice(0, 500)}`;
  const wait = retryAfterMs(refusal.headers, context.nowMs);
  return judge(refusal.status, error, context, detail, wait);
}

/** An error object where none is due; `status` is what it stands for unless its own code says so. */
export function failureOfEvent(error: UpstreamError, status: number, context: ErrorContext): Failure {
  const detail = `in the answer: ${error.message.slice(0, 500)}`;
  return judge(error.status ?? status, error, context, detail, undefined);
}

function judge(
  status: number,
  error: UpstreamError,
  context: ErrorContext,
  detail: string,
  waitMs: number | undefined,
): Failure {
  const more = { detail, ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }) };
  const code = (error.code ?? error.type ?? '').toLowerCase();
  if (policyCodes.has(code)) {
    return callersFault(
      'content_policy_violation',
      'The content policy of the upstream refused this request',
      error,
      context,
      detail,
    );
  }
  // A prompt that is too long may come as 400, 413, 422, and from llama.cpp as 500.
  if (contextCodes.has(code) || (isAboutContent(status) && wordsContext(error.message))) {
    return callersFault(
      'context_length_exceeded',
      'The prompt is too long for the model',
      error,
      context,
      detail,
    );
  }
  switch (status) {
    case 401:
    case 403:
    case 407:
      return failure('upstream_auth', 'The upstream did not accept the key of this server.', {
        detail,
        permanent: true,
      });
    case 402:
    case 404:
      return failure('upstream_refused', 'The upstream cannot serve this model to this server.', {
        detail,
        permanent: true,
      });
    case 408:
    case 409:
      return failure('upstream_refused', 'The upstream could not serve the request now.', more);
    case 429:
      if (noCreditCodes.has(code)) {
        return failure('upstream_refused', 'The upstream cannot serve this model to this server.', {
          detail,
          permanent: true,
        });
      }
      return failure(
        'rate_limit_exceeded',
        'The upstream is asked too often at the moment. Try again later.',
        more,
      );
  }
  if (status >= 500) return failure('upstream_refused', 'The upstream failed to serve the request.', more);
  if (status < 400)
    return failure('upstream_protocol', 'The upstream sent no answer that can be read.', more);
  const known =
    isErrorCode(error.code) && errorKind(error.code).status === 400 ? error.code : 'invalid_value';
  return callersFault(known, 'The upstream refused the request', error, context, detail);
}

/** A refusal that is the caller's: our sentence, and what may be shown of the upstream's. */
function callersFault(
  code: Failure['code'],
  what: string,
  { message, param }: UpstreamError,
  { hidden }: ErrorContext,
  detail: string,
): Failure {
  const quoted = shown(message, hidden);
  return failure(code, quoted === '' ? `${what}.` : `${what}: ${quoted}`, {
    detail,
    ...(param !== undefined && plausiblePath.test(param) ? { param } : {}),
  });
}

const plausiblePath = /^[A-Za-z_][\w-]{0,63}(?:\.[\w-]{1,64}|\[\d{1,5}\]){0,32}$/;

function isAboutContent(status: number): boolean {
  return status === 400 || status === 413 || status === 422 || status === 500;
}

function wordsContext(message: string): boolean {
  return contextWordings.some((wording) => wording.test(message));
}

/**
 * Reads what providers send: `{error: {…}}`, `{error: "…"}`, the fields at the top (vLLM, Mistral),
 * `{detail: …}` (FastAPI), a list with one of these (Gemini's compatible API), or text.
 */
export function parseError(body: string): UpstreamError {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return { message: /^\s*</.test(body) ? '' : body.slice(0, 1_000) };
  }
  return errorFrom(Array.isArray(parsed) ? parsed[0] : parsed);
}

/** The same from a value that was parsed already. */
export function errorFrom(value: unknown): UpstreamError {
  if (typeof value === 'string') return { message: value };
  const outer = asRecord(value);
  if (outer === undefined) return { message: '' };
  const inner = asRecord(outer['error']);
  if (inner === undefined && typeof outer['error'] === 'string') return { message: outer['error'] };
  // Mistral puts FastAPI's details where the message should be.
  const fields = { ...(inner ?? outer), ...asRecord((inner ?? outer)['message']) };
  const message = [fields['message'], fields['detail'], fields['msg']].find(
    (text) => typeof text === 'string',
  );
  const detail = Array.isArray(fields['detail']) ? asRecord(fields['detail'][0]) : undefined;
  const code = fields['code'] ?? fields['status'];
  const status = statusFrom(code) ?? statusFrom(fields['status_code']);
  return {
    message: typeof message === 'string' ? message : typeof detail?.['msg'] === 'string' ? detail['msg'] : '',
    ...(typeof code === 'string' && status === undefined ? { code } : {}),
    ...(typeof fields['type'] === 'string' ? { type: fields['type'] } : {}),
    ...(typeof fields['param'] === 'string' ? { param: fields['param'] } : paramFrom(detail)),
    ...(status === undefined ? {} : { status }),
  };
}

/** FastAPI's place of a mistake, `["body", "messages", 0, "role"]`. */
function paramFrom(detail: Record<string, unknown> | undefined): { param?: string } {
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

function asRecord(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

const maxQuoted = 300;

/** At most 300 characters of what the upstream said, on one line, without addresses and anything like a key. */
export function shown(message: string, hidden: readonly string[]): string {
  let text = message.slice(0, 2_000);
  for (const secret of hidden) if (secret.length > 3) text = text.replaceAll(secret, '…');
  text = text
    .replace(/[a-z][a-z0-9+.-]*:\/\/\S+/gi, '…')
    .replace(/\b(?:Bearer|Basic)\s+\S+/gi, '…')
    .replace(/\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b/g, '…')
    .replace(
      /\b[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:com|net|org|io|ai|dev|cloud|internal|local|svc|xyz|app)\b(?::\d+)?\S*/gi,
      '…',
    )
    .replace(/\blocalhost(?::\d+)?\b/gi, '…')
    .replace(/\b(?:sk|pk|tr|tl|tns|gsk|xai|key|org|proj)[-_](?=[\w*.-]*[\d*])[\w*.-]{6,}/gi, '…')
    .replace(/\b(?=\w*\d)(?=\w*[a-z])\w{32,}\b/gi, '…')
    .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ')
    .trim()
    .toWellFormed();
  return text.length > maxQuoted ? `${text.slice(0, maxQuoted - 1).toWellFormed()}…` : text;
}

/** `retry-after-ms`, else `Retry-After` in seconds or as a date. In milliseconds, never negative. */
export function retryAfterMs(headers: Refusal['headers'], nowMs: number): number | undefined {
  const exact = one(headers['retry-after-ms']);
  if (exact !== undefined && /^\d+(\.\d+)?$/.test(exact)) return Math.round(Number(exact));
  const coarse = one(headers['retry-after']);
  if (coarse === undefined) return undefined;
  if (/^\d+(\.\d+)?$/.test(coarse)) return Math.round(Number(coarse) * 1_000);
  const date = Date.parse(coarse);
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}

function one(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'string' ? value.trim() : value?.[0]?.trim();
}
