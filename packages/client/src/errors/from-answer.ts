import { APIError, type ErrorDetails } from './errors.ts';

/**
 * What status the types of errors stand for. The table of `packages/protocol` has it for each code; it would be a tenth of the package,
 * and a test compares the two.
 */
const statusOfType: ReadonlyMap<string, number> = new Map(
  Object.entries({
    invalid_request_error: 400,
    authentication_error: 401,
    permission_error: 403,
    not_found_error: 404,
    conflict_error: 409,
    rate_limit_error: 429,
    server_error: 500,
    upstream_error: 502,
    overloaded_error: 503,
    timeout_error: 504,
  }),
);

/** A server says a few sentences, and the page of a proxy takes some kilobytes. */
const maxRefusalBytes = 65_536;

/** The body of a refusal; undefined where it is larger than 64 KiB: the rest is not read. */
export async function refusalText(response: Response): Promise<string | undefined> {
  const reader = response.body?.getReader();
  if (!reader) return response.text();
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let left = maxRefusalBytes;
  while (true) {
    const { value } = await reader.read();
    if (!value) return new Blob(parts).text();
    parts.push(value as Uint8Array<ArrayBuffer>);
    left -= value.length;
    if (left < 0) {
      reader.cancel().catch(() => {});
      return undefined;
    }
  }
}

/** The error of an HTTP refusal; reads its body. */
export async function errorOfResponse(response: Response): Promise<APIError> {
  const text =
    (await refusalText(response).catch(() => '')) ??
    'The refusal has a body of more than 64 KiB, which was not read.';
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {}
  // Some servers write the text of the error itself there, or an envelope of their own.
  const error = isObject(body) ? (body['error'] ?? body) : undefined;
  const details = typeof error === 'string' ? { message: error } : (error as ErrorDetails | undefined);
  return APIError.generate(response.status, details, text || undefined, response.headers);
}

/** The error of an event in a stream: its status is that of its code. */
export function errorOfEvent(error: unknown, headers: Headers | undefined): APIError {
  const details: ErrorDetails = isObject(error) ? error : { message: String(error) };
  const { code, type = '' } = details;
  // Foreign servers write the status itself as the code. Other numbers are codes of their own.
  const number = typeof code === 'object' ? 0 : Number(code);
  const isStatus = number >= 400 && number < 600;
  const status = isStatus ? number : code === 'events_gone' ? 410 : statusOfType.get(type);
  return APIError.generate(status, details, undefined, headers);
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
