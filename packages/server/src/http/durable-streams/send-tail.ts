import type { StreamView } from '../../journal/contract.ts';
import type { Exchange } from '../exchange.ts';
import { headersOf } from '../head-headers.ts';
import { replyFailure } from '../reply.ts';
import { jsonType, notCached, stateAt, stateHeaders } from './answer-headers.ts';
import { refusalOf, tailOf } from './messages.ts';

/**
 * Answers `HEAD`, and a read from `now` on that does not wait: where the stream ends now, and no message. Besides what is known of the
 * answer since its commit, which a head that left before it could not say.
 */
export async function sendTail(exchange: Exchange, view: StreamView): Promise<void> {
  const { request, response } = exchange;
  const refusal = refusalOf(view);
  if (refusal !== undefined) return await replyFailure(exchange, refusal);
  const body = request.method === 'HEAD' ? '' : '[]';
  response.writeHead(200, {
    ...exchange.headers,
    ...(view.head === undefined ? {} : headersOf(view.head)),
    ...stateHeaders(stateAt(view, tailOf(view))),
    'cache-control': notCached,
    'content-type': jsonType,
    ...(body === '' ? {} : { 'content-length': String(body.length) }),
  });
  response.end(body);
}
