import { type Failure, fail, failure, ok, type Result } from '../domain/failure.ts';
import { quoted } from '../domain/query-parameters.ts';
import type { RequestHeaders } from '../wire/contract.ts';

/** What the headers of a completion say about keeping its answer (section 6 of the wire contract). */
export interface KeptAsk {
  /** `Tailrace-Resumable: true`. */
  readonly resumable: boolean;
  readonly idempotencyKey: string | undefined;
  /** `Last-Event-ID`: the request continues a stream and never starts one. */
  readonly lastEventId: number | undefined;
}

const resumableHeader = 'tailrace-resumable';
const idempotencyHeader = 'idempotency-key';
const lastEventHeader = 'last-event-id';

export const longestKey = 255;

/** Failures: `invalid_value` with the header as `param`; `missing_parameter` for a `Last-Event-ID` alone. */
export function readKeptAsk(headers: RequestHeaders): Result<KeptAsk> {
  const resumable = oneValue(headers, resumableHeader);
  if (!resumable.ok) return resumable;
  const asked = resumable.value?.toLowerCase();
  if (asked !== undefined && asked !== 'true' && asked !== 'false') {
    return fail(wrongHeader(resumableHeader, `must be 'true' or 'false', got ${quoted(asked)}`));
  }
  const key = oneValue(headers, idempotencyHeader);
  if (!key.ok) return key;
  // An empty one is refused: its sender, perhaps with an unset variable, counts on being charged once.
  const length = headers[idempotencyHeader]?.[0]?.length;
  if (length !== undefined && (length === 0 || length > longestKey)) {
    return fail(wrongHeader(idempotencyHeader, `must have 1 to ${longestKey} characters, got ${length}`));
  }
  const last = readLastEventId(headers);
  if (!last.ok) return last;
  if (last.value !== undefined && key.value === undefined) {
    const message =
      "A POST with the header 'last-event-id' continues the stream that the same request has begun, and is recognised by its " +
      "'idempotency-key'. Send that header too, or read the stream with 'GET …/{id}/events'.";
    return fail(failure('missing_parameter', message, { param: idempotencyHeader }));
  }
  return ok({ resumable: asked === 'true', idempotencyKey: key.value, lastEventId: last.value });
}

/** Why a request that does not stream cannot have what its headers ask for; undefined where it can. */
export function refuseWithoutStream({ resumable, lastEventId }: KeptAsk): Failure | undefined {
  const header = resumable ? resumableHeader : lastEventId === undefined ? undefined : lastEventHeader;
  return header === undefined
    ? undefined
    : wrongHeader(header, "needs 'stream': true, because only a stream can be picked up again");
}

/** The number of the last event that the client has received. Failures: `invalid_value`. */
export function readLastEventId(headers: RequestHeaders): Result<number | undefined> {
  const last = oneValue(headers, lastEventHeader);
  if (!last.ok) return last;
  if (last.value === undefined) return ok(undefined);
  const number = eventNumber(last.value);
  return number === undefined ? fail(notANumber(lastEventHeader, last.value)) : ok(number);
}

/** The failure for something that should be the number of an event. */
export function notANumber(param: string, value: string): Failure {
  const message = `'${param}' must be the number of the last event that you have received, got ${quoted(value)}.`;
  return failure('invalid_value', message, { param });
}

/** The failure for the number of an event that was never written. */
export function neverWritten(param: string, after: number, last: number): Failure {
  const message = `'${param}' must be the number of an event that was sent, 0 to ${last}, got ${after}.`;
  return failure('invalid_value', message, { param });
}

/** Decimal digits without a leading zero; undefined for everything else. */
export function eventNumber(text: string): number | undefined {
  return /^(0|[1-9]\d{0,14})$/.test(text) ? Number(text) : undefined;
}

/** The value of a header that stands at most once; an empty one is none. */
function oneValue(headers: RequestHeaders, name: string): Result<string | undefined> {
  const [value, ...others] = headers[name] ?? [];
  if (others.some((other) => other !== value)) {
    return fail(wrongHeader(name, 'stands several times with different values; send it once'));
  }
  return ok(value === '' ? undefined : value);
}

function wrongHeader(name: string, what: string): Failure {
  return failure('invalid_value', `The header '${name}' ${what}.`, { param: name });
}
