import { errorKind, isErrorCode } from '@tailrace/protocol';
import { APIError, type ErrorDetails } from './errors.ts';

/** The error of an HTTP refusal; reads its body. */
export async function errorOfResponse(response: Response): Promise<APIError> {
  const text = await response.text().catch(() => '');
  const body = parse(text);
  const error = isObject(body) ? body['error'] : undefined;
  // Some servers write the text of the error itself there, or an envelope of their own.
  const details = isObject(error)
    ? (error as ErrorDetails)
    : typeof error === 'string'
      ? { message: error }
      : isObject(body)
        ? (body as ErrorDetails)
        : undefined;
  return APIError.generate(response.status, details, text || undefined, response.headers);
}

/** The error of an event in a stream: its status is that of its code. */
export function errorOfEvent(error: unknown, headers: Headers | undefined): APIError {
  const details: ErrorDetails = isObject(error) ? (error as ErrorDetails) : { message: String(error) };
  return APIError.generate(statusOf(details.code), details, undefined, headers);
}

/** Foreign servers write the status itself as the code. */
function statusOf(code: unknown): number | undefined {
  if (isErrorCode(code)) return errorKind(code).status;
  const status = Number(code);
  return status >= 400 && status < 600 ? status : undefined;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
