import type { ErrorCode } from '@tailrace/protocol';
import { assertNever } from '../domain/assert-never.ts';
import type { Cause } from '../domain/cause.ts';
import type { Log, LogFields, LogLevel } from './log.ts';
import { wholeWording, wordingWithoutContent } from './wording.ts';

/** How a request ended; `refused`: it reached no target; `detached`: its client has left a run that goes on without it. */
export type RequestOutcome =
  | 'completed'
  | 'failed'
  | 'cut'
  | 'cancelled'
  | 'abandoned'
  | 'refused'
  | 'detached';

/** What is known of a request when it is over. Times in milliseconds. */
export interface RequestRecord {
  readonly requestId: string;
  readonly method: string;
  /** The path as the route table has it, never the raw one, which may hold a key. */
  readonly route: string;
  /** The raw path without its query, only where no route matched: it shows a wrong base URL. */
  readonly path?: string | undefined;
  /** HTTP status as it was sent; absent where the client left before there was one. */
  readonly status?: number | undefined;
  readonly outcome: RequestOutcome;
  readonly code?: ErrorCode | undefined;
  /** The id of the key, never the key. */
  readonly keyId?: string | undefined;
  /** Of a route of the administration: the id of the key or the owner that it is about; of a sign-in by a provider: the person's address. */
  readonly subject?: string | undefined;
  readonly model?: string | undefined;
  /** Upstream and model there. */
  readonly target?: string | undefined;
  readonly stream?: boolean | undefined;
  readonly ttftMs?: number | undefined;
  readonly durationMs: number;
  readonly promptTokens?: number | undefined;
  readonly completionTokens?: number | undefined;
  readonly attempts?: number | undefined;
  /** The client's own `x-request-id`; used in the log only. */
  readonly clientRequestId?: string | undefined;
  /** Of the request's span; absent where it is not sampled. */
  readonly traceId?: string | undefined;
  readonly spanId?: string | undefined;
  /** The cause in our own words. */
  readonly detail?: string | undefined;
  /** The cause in the words of an upstream or of a thrown error; written whole only where the operator asked for content. */
  readonly wording?: string | undefined;
}

export interface RequestLine {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

/** A cause as one text; undefined where nothing is known. */
export function causeText(
  { detail, wording }: Partial<Record<keyof Cause, string | undefined>>,
  logContent: boolean,
): string | undefined {
  if (wording === undefined) return detail;
  const shown = `"${logContent ? wholeWording(wording) : wordingWithoutContent(wording)}"`;
  return detail === undefined ? shown : `${detail}; ${shown}`;
}

/** The log line of a request; `logContent` is the operator's `logging.content`. */
export function requestLine(record: RequestRecord, logContent = false): RequestLine {
  const { method, route, status, outcome } = record;
  return {
    level: levelOf(record),
    message: 'request',
    fields: {
      method,
      route,
      path: record.path,
      status: status ?? null,
      outcome,
      request_id: record.requestId,
      code: record.code,
      key_id: record.keyId,
      subject: record.subject,
      model: record.model,
      target: record.target,
      stream: record.stream,
      ttft_ms: rounded(record.ttftMs),
      duration_ms: rounded(record.durationMs),
      prompt_tokens: record.promptTokens,
      completion_tokens: record.completionTokens,
      attempts: record.attempts,
      client_request_id: record.clientRequestId,
      trace_id: record.traceId,
      span_id: record.spanId,
      detail: causeText(record, logContent),
    },
  };
}

/** How a run ended that its client had left before: the line of the request says `detached`. */
export type RunRecord = Pick<
  RequestRecord,
  | 'requestId'
  | 'outcome'
  | 'code'
  | 'keyId'
  | 'model'
  | 'target'
  | 'ttftMs'
  | 'durationMs'
  | 'promptTokens'
  | 'completionTokens'
  | 'attempts'
  | 'detail'
  | 'wording'
  | 'traceId'
  | 'spanId'
> & { readonly id: string };

/** Writes the line of a run that its client had left. It is found by the request's id, and by that of the completion. */
export function logRun(log: Log, record: RunRecord, logContent = false): void {
  const level = levelOf({ ...record, method: '-', route: '-' });
  const {
    method: _method,
    route: _route,
    path: _path,
    status: _status,
    ...fields
  } = requestLine({ ...record, method: '-', route: '-' }, logContent).fields;
  log[level]('run ended without its connection', { id: record.id, ...fields });
}

/** Writes {@link requestLine} at its level. */
export function logRequest(log: Log, record: RequestRecord, logContent = false): void {
  const { level, message, fields } = requestLine(record, logContent);
  log[level](message, fields);
}

const probes: ReadonlySet<string> = new Set(['/livez', '/readyz']);

/** A mistake or departure of a client is ordinary; a failure of ours or of an upstream is a warning or an error. */
function levelOf({ outcome, status, code, route }: RequestRecord): LogLevel {
  if (code === 'internal_error') return 'error';
  switch (outcome) {
    case 'completed':
      // Load balancers ask every few seconds: only a bad answer is worth a line.
      return probes.has(route) ? 'debug' : 'info';
    case 'cancelled':
    case 'abandoned':
    case 'detached':
      return 'info';
    case 'refused':
    case 'failed':
      return status !== undefined && status < 500 ? 'info' : 'warn';
    case 'cut':
      return 'warn';
    default:
      return assertNever(outcome);
  }
}

/** To a tenth of a millisecond: more digits are of no use. */
function rounded(milliseconds: number | undefined): number | undefined {
  return milliseconds === undefined ? undefined : Math.round(milliseconds * 10) / 10;
}
