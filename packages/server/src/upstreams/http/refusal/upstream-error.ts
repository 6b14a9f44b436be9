import type { JsonObject } from '../../../domain/json.ts';
import { asList, asObject, parseJson } from '../unknown-json.ts';
import { statusOfName, statusOfNumber, waitIn } from './error-status.ts';
import { messageOf } from './refusal.ts';
import { errorInBaseResp, nameOfCode } from './vendor-codes.ts';

/** The members of an error, from any of the places where providers put them. */
export interface UpstreamError {
  readonly message: string;
  readonly code?: string;
  readonly type?: string;
  readonly param?: string;
  /** An HTTP status that the error itself names as a number. */
  readonly status?: number;
  /** The HTTP status that its code, status or type means by its name. */
  readonly namedStatus?: number;
  /** The delay that the error itself names, in milliseconds. */
  readonly retryAfterMs?: number;
}

/** Members that only an answer has: an object with one of them is no error unless it has the member `error`. */
const answerMembers = ['choices', 'candidates', 'content', 'delta', 'usage', 'usageMetadata'];

/**
 * The error in an event or an answer with status 200; undefined where it is none. Some providers write the member `error` into
 * every chunk: empty where there is no error. Others write the members of the error at the top: `{"object": "error", …}`
 * (vLLM), `{"detail": …}` (FastAPI), `{"message": …, "code": 400}`.
 */
export function errorIn(event: JsonObject): JsonObject | undefined {
  if (hasError(event)) return event;
  const { object, type, detail, errors, message = event['msg'] } = event;
  const isDetail = isFilled(detail) && !isProgress(event);
  const isNamed = object === 'error' || type === 'error' || isDetail || isFilled(errors);
  if (!isNamed && typeof message !== 'string') return undefined;
  if (answerMembers.some((name) => isFilled(event[name]))) return undefined;
  if (isNamed) return event;
  const { status, namedStatus } = errorFrom(event);
  return (status ?? namedStatus) === undefined ? undefined : event;
}

/** A `detail` is no error beside a word that reports progress: `{"object": "status", "detail": "queue position 3"}`. */
function isProgress(event: JsonObject): boolean {
  const { status, namedStatus } = errorFrom(event);
  if ((status ?? namedStatus) !== undefined || typeof event['detail'] !== 'string') return false;
  const words = [event['object'], event['status'], event['type']].filter((word) => typeof word === 'string');
  return words.some((word) => word !== '') && words.every((word) => !meansError.test(word));
}

/** A word of an error, and the address of one (RFC 9457). */
const meansError = /error|exception|fail|invalid|denied|refus|reject|exceed|limit|problem|cancel|abort|[:/]/i;

/** Whether an event, or a part of it, has a member `error` that is not empty, or reports a failure in MiniMax's `base_resp`. */
export function hasError(value: JsonObject): boolean {
  return isFilled(value['error']) || errorInBaseResp(value) !== undefined;
}

/** Whether a member of an event carries something. */
function isFilled(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0;
  return value !== undefined && value !== null && value !== false && value !== '' && value !== 0;
}

/**
 * Reads the body of a refusal: `{error: {…}}`, `{error: "…"}`, the members at the top (vLLM, Mistral), `{detail: …}` (FastAPI),
 * a list with one of these (Gemini's compatible API), or text. HTML has no message.
 */
export function parseError(body: string): UpstreamError {
  const parsed = parseJson(body);
  if (parsed === undefined) return { message: /^\s*</.test(body) ? '' : messageOf(body) };
  return errorFrom(parsed);
}

/** {@link parseError} for a value that is parsed already. */
export function errorFrom(value: unknown): UpstreamError {
  if (typeof value === 'string') return { message: messageOf(value) };
  const outer = asObject(Array.isArray(value) ? value[0] : value);
  if (outer === undefined) return { message: '' };
  const text = [outer['error'], outer['detail']].find((one) => typeof one === 'string');
  const inner =
    errorInBaseResp(outer) ??
    asObject(outer['error']) ??
    asObject(outer['detail']) ??
    asObject(asList(outer['errors'])[0]) ??
    outer;
  // Mistral puts the details of FastAPI into the member `message`.
  const fields = { ...inner, ...asObject(inner['message']) };
  const message =
    text ?? [fields['message'], fields['detail'], fields['msg']].find((one) => typeof one === 'string');
  const detail = asObject(asList(fields['detail'])[0]);
  const { type, param } = fields;
  const code = nameOfCode(fields) ?? null;
  const name = code ?? fields['status'] ?? outer['code'];
  const status = first(statusOfNumber, [
    code,
    fields['status'],
    fields['status_code'],
    fields['statusCode'],
    fields['http_code'],
    outer['code'],
    outer['status'],
    outer['status_code'],
    outer['raw_status_code'],
  ]);
  const namedStatus =
    first(statusOfName, [code, fields['status'], type, outer['code'], outer['status']]) ??
    (Array.isArray(detail?.['loc']) ? unprocessable : undefined);
  const waitMs = waitIn(fields) ?? waitIn(outer);
  return {
    message: messageOf(message ?? detail?.['msg']),
    ...(typeof name === 'string' && statusOfNumber(name) === undefined ? { code: name } : {}),
    ...(typeof type === 'string' ? { type } : {}),
    // vLLM writes the path as a text, `body.top_k`.
    ...(typeof param === 'string' ? { param } : paramFrom(detail)),
    ...(status === undefined ? {} : { status }),
    ...(namedStatus === undefined ? {} : { namedStatus }),
    ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
  };
}

/** The status of FastAPI's list of the fields at fault. */
const unprocessable = 422;

function first(read: (value: unknown) => number | undefined, values: readonly unknown[]): number | undefined {
  for (const value of values) {
    const found = read(value);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** FastAPI's path of the field at fault, `["body", "messages", 0, "role"]`. */
function paramFrom(detail: JsonObject | undefined): { param?: string } {
  if (!Array.isArray(detail?.['loc'])) return {};
  const [start, ...rest] = detail['loc'];
  const path = (start === 'body' ? rest : [start, ...rest]).reduce(
    (joined: string, step) => (typeof step === 'number' ? `${joined}[${step}]` : `${joined}.${String(step)}`),
    '',
  );
  return { param: path.slice(1) };
}
