import type { StreamView } from '../../journal/contract.ts';
import type { Exchange } from '../exchange.ts';
import { replyFailure } from '../reply.ts';
import { jsonType, notCached, stateAt, stateHeaders } from './answer-headers.ts';
import { refusalOf, tailOf } from './messages.ts';

/** Answers `HEAD`, and a read from `now` on that does not wait: where the stream ends now, and no message. */
export async function sendTail(exchange: Exchange, view: StreamView): Promise<void> {
  const { request, response } = exchange;
  const refusal = refusalOf(view);
  if (refusal !== undefined) return await replyFailure(exchange, refusal);
  const body = request.method === 'HEAD' ? '' : '[]';
  response.writeHead(200, {
    ...exchange.headers,
    ...stateHeaders(stateAt(view, tailOf(view))),
    'cache-control': notCached,
    'content-type': jsonType,
    ...(body === '' ? {} : { 'content-length': String(body.length) }),
  });
  response.end(body);
}
