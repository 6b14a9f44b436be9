import type { IncomingMessage } from 'node:http';
import { type Failure, fail, failure, ok, type Result } from '../domain/failure.ts';
import { brokenBody } from './broken-body.ts';
import { closeGentlyBehind } from './close-gently.ts';
import type { Exchange } from './exchange.ts';

/**
 * Reads a JSON request body of at most `maxBytes`. Failures: `unsupported_media_type` before a byte is
 * read, `body_too_large` as soon as it is known, `invalid_json` where the client stopped half-way.
 */
export async function readBody(exchange: Exchange, maxBytes: number): Promise<Result<Uint8Array>> {
  const { request } = exchange;
  const refused =
    checkAnnounced(exchange) ?? checkMediaType(request) ?? checkDeclaredLength(request, maxBytes);
  if (refused !== undefined) return fail(refused);
  if (exchange.expectsContinue) exchange.response.writeContinue();

  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      if (!Buffer.isBuffer(chunk)) continue;
      bytes += chunk.length;
      if (bytes > maxBytes) return fail(tooLarge(maxBytes));
      chunks.push(chunk);
    }
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    exchange.notes.outcome = 'abandoned';
    return fail(failure('invalid_json', 'The request body ended before it was complete.', { detail }));
  }
  const broken = brokenBody(request);
  if (broken !== undefined) {
    if (broken.failure.code === 'invalid_json') exchange.notes.outcome = 'abandoned';
    return fail(broken.failure);
  }
  return ok(Buffer.concat(chunks, bytes));
}

/** Without a length there is no body, whatever follows the head: the client means something else by it. */
function checkAnnounced({ request, response }: Exchange): Failure | undefined {
  const { 'content-length': length, 'transfer-encoding': coding } = request.headers;
  if (length !== undefined || coding !== undefined) return undefined;
  response.shouldKeepAlive = false;
  closeGentlyBehind(request.socket);
  return failure(
    'invalid_json',
    'This request takes a body, and none came: send it with a Content-Length, or chunked.',
  );
}

function checkMediaType(request: IncomingMessage): Failure | undefined {
  const encoding = request.headers['content-encoding']?.trim().toLowerCase();
  if (encoding !== undefined && encoding !== '' && encoding !== 'identity') {
    return failure(
      'unsupported_media_type',
      'Compressed request bodies are not taken. Send it without Content-Encoding.',
    );
  }
  const [type, ...parameters] = (request.headers['content-type'] ?? '').split(';').map((part) => part.trim());
  const charset = parameters.find((parameter) => /^charset\s*=/i.test(parameter));
  const utf8 = charset === undefined || /^charset\s*=\s*"?utf-?8"?$/i.test(charset);
  if (type?.toLowerCase() === 'application/json' && utf8) return undefined;
  return failure(
    'unsupported_media_type',
    "The body must be JSON in UTF-8: send the header 'Content-Type: application/json'.",
  );
}

function checkDeclaredLength(request: IncomingMessage, maxBytes: number): Failure | undefined {
  const declared = Number(request.headers['content-length'] ?? 0);
  return declared > maxBytes ? tooLarge(maxBytes) : undefined;
}

function tooLarge(maxBytes: number): Failure {
  return failure(
    'body_too_large',
    `The request body is larger than the ${maxBytes} bytes this server takes.`,
  );
}
