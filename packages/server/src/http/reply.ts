import { STATUS_CODES } from 'node:http';
import { asciiJson, errorKind } from '@tailrace/protocol';
import { causeOf } from '../domain/cause.ts';
import type { Failure } from '../domain/failure.ts';
import type { JsonObject } from '../domain/json.ts';
import { brokenBody } from './broken-body.ts';
import { bodyIsComing, drainBody } from './drain-body.ts';
import type { Exchange } from './exchange.ts';
import { watchStalledClient } from './stalled-client.ts';

/** Answers with a whole JSON body. */
export async function replyJson(exchange: Exchange, status: number, body: string): Promise<void> {
  await reply(exchange, status, { 'content-type': 'application/json; charset=utf-8' }, body);
}

/** Answers 200 with a whole text. */
export async function replyText(exchange: Exchange, contentType: string, body: string): Promise<void> {
  await reply(exchange, 200, { 'content-type': contentType }, body);
}

/** Answers with whole bytes, and all headers of the route. */
export async function replyBytes(
  exchange: Exchange,
  status: number,
  headers: Readonly<Record<string, string>>,
  bytes: Buffer,
): Promise<void> {
  await reply(exchange, status, headers, bytes);
}

/** Answers with the error envelope, and the members of `beside` next to its `error`. Only while no head has left; after it the run's reader reports the failure. */
export async function replyFailure(
  exchange: Exchange,
  reason: Failure,
  headers: Readonly<Record<string, string>> = {},
  beside?: JsonObject,
): Promise<void> {
  const { notes } = exchange;
  notes.code = reason.code;
  notes.outcome ??= errorKind(reason.code).status < 500 ? 'refused' : 'failed';
  Object.assign(notes, causeOf(reason));
  const answer = exchange.errorReply(reason, exchange.requestId);
  const broken = brokenBody(exchange.request);
  const status = broken?.failure === reason ? broken.status : answer.status;
  const all = { 'content-type': 'application/json; charset=utf-8', ...answer.headers, ...headers };
  const body =
    beside === undefined ? answer.body : asciiJson({ ...(JSON.parse(answer.body) as JsonObject), ...beside });
  await reply(exchange, status, all, body);
}

async function reply(
  exchange: Exchange,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string | Buffer,
): Promise<void> {
  const { request, response } = exchange;
  if (response.headersSent || response.destroyed) return;
  const bytes = typeof body === 'string' ? Buffer.from(body, 'utf8') : body;
  const bodyUnread = bodyIsComing(request);
  // With its phrase: an earlier `writeHead` that threw may have set another one.
  response.writeHead(status, STATUS_CODES[status] ?? '', {
    ...exchange.headers,
    ...headers,
    ...(bodyUnread ? { connection: 'close' } : {}),
    'content-length': String(bytes.length),
  });
  watchStalledClient(response, exchange.clientWriteMs).arm();
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  if (!bodyUnread) {
    response.end(bytes);
    return;
  }
  // With these bytes the client has the whole answer. The end, which closes the connection, waits until what the client
  // still sends has been read; else the connection would be reset, and the client might lose the answer.
  response.write(bytes);
  await drainBody(request, exchange.expectsContinue);
  response.end();
}
