import type { IncomingMessage } from 'node:http';
import { type Failure, fail, failure, ok, type Result } from '../domain/failure.ts';
import type { BodyBudget, BodyShare } from './body-budget.ts';
import { closeGentlyAfterAnswer } from './close-gently.ts';
import type { Exchange } from './exchange.ts';
import { receiveBody, tooLarge } from './receive-body.ts';

/** A body that has come whole. */
export interface HeldBody {
  readonly bytes: Uint8Array;
  /** Holds the bytes. The caller releases it once they are decoded, or not needed any more. */
  readonly share: BodyShare;
}

/**
 * Reads a JSON request body of at most `maxBytes`. Failures: `unsupported_media_type` before a byte is
 * read, and those of {@link receiveBody}; `body_too_large` as soon as it is known.
 */
export async function readBody(
  exchange: Exchange,
  maxBytes: number,
  budget: BodyBudget,
): Promise<Result<HeldBody>> {
  const { request } = exchange;
  const declaredBytes = declaredLength(request);
  const refused =
    checkAnnounced(exchange) ?? checkMediaType(request) ?? checkDeclaredLength(declaredBytes, maxBytes);
  if (refused !== undefined) return fail(refused);
  if (exchange.expectsContinue) await writeContinue(exchange);

  const share = budget.open(exchange.principal.keyId);
  const received = await receiveBody(request, { maxBytes, declaredBytes, share });
  if (received.ok) return ok({ bytes: received.value, share });
  share.release();
  if (received.failure.code === 'invalid_json') exchange.notes.outcome = 'abandoned';
  return received;
}

/**
 * Writes `100 Continue` when it is this answer's turn. While another answer is before it the response has no socket, and
 * what is written then would be sent later, between its own head and body.
 */
async function writeContinue({ request, response }: Exchange): Promise<void> {
  if (response.socket === null && !request.destroyed) {
    await new Promise<void>((resolve) => {
      response.once('socket', () => resolve());
      request.once('close', () => resolve());
    });
  }
  if (response.socket !== null) response.writeContinue();
}

/** Without Content-Length or chunks a request has no body: bytes behind its head would be read as the next request. */
function checkAnnounced({ request, response }: Exchange): Failure | undefined {
  const { 'content-length': length, 'transfer-encoding': coding } = request.headers;
  if (length !== undefined || coding !== undefined) return undefined;
  response.shouldKeepAlive = false;
  closeGentlyAfterAnswer(request.socket);
  return failure(
    'invalid_json',
    'This request takes a body, and none came: send it with a Content-Length, or chunked.',
  );
}

function checkMediaType({ headers }: IncomingMessage): Failure | undefined {
  const { 'content-encoding': coding, 'content-type': mediaType } = headers;
  if (coding === undefined && mediaType === 'application/json') return undefined;
  const encoding = coding?.trim().toLowerCase();
  if (encoding !== undefined && encoding !== '' && encoding !== 'identity') {
    return failure(
      'unsupported_media_type',
      'Compressed request bodies are not taken. Send it without Content-Encoding.',
    );
  }
  const [type, ...parameters] = (mediaType ?? '').split(';').map((part) => part.trim());
  const charset = parameters.find((parameter) => /^charset\s*=/i.test(parameter));
  const utf8 = charset === undefined || /^charset\s*=\s*"?utf-?8"?$/i.test(charset);
  if (type?.toLowerCase() === 'application/json' && utf8) return undefined;
  return failure(
    'unsupported_media_type',
    "The body must be JSON in UTF-8: send the header 'Content-Type: application/json'.",
  );
}

function declaredLength(request: IncomingMessage): number | undefined {
  const declared = request.headers['content-length'];
  return declared === undefined ? undefined : Number(declared);
}

function checkDeclaredLength(declaredBytes: number | undefined, maxBytes: number): Failure | undefined {
  return declaredBytes !== undefined && declaredBytes > maxBytes ? tooLarge(maxBytes) : undefined;
}
