import type { IncomingMessage, ServerResponse } from 'node:http';
import { newRequestId } from '../app.ts';
import { failure } from '../domain/failure.ts';
import { errorReply } from '../wire/error-reply.ts';

/**
 * What is answered between binding the port and having a model: the port is taken first, so that a second
 * start fails at once and not after a download.
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
