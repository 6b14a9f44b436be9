import type { IncomingMessage, ServerResponse } from 'node:http';
import { newRequestId } from '../app.ts';
import { failure } from '../domain/failure.ts';
import { errorReply } from '../wire/error-reply.ts';

/**
 * Answers requests until the models are loaded: `/livez` with 200, all others with 503 `overloaded`. The server binds its
 * port before it downloads or loads a model, so that a second server on the same port fails at once.
 */
export async function answerWhileStarting(request: IncomingMessage, response: ServerResponse): Promise<void> {
  response.setHeader('x-request-id', newRequestId());
  const headers = { 'content-type': 'application/json; charset=utf-8', connection: 'close' };
  if (request.url === '/livez') {
    response.writeHead(200, headers).end('{"status":"alive"}');
    return;
  }
  const answer = errorReply(
    failure('overloaded', 'The server is starting; its model is not loaded yet.', { retryAfterMs: 1_000 }),
  );
  response.writeHead(answer.status, { ...headers, ...answer.headers }).end(answer.body);
}
