import { asciiJson } from '@tailrace/protocol';
import { causeOfBug } from '../../domain/cause.ts';
import { failure } from '../../domain/failure.ts';
import type { Ledger } from '../../ledger/contract.ts';
import type { RequestContent } from '../../storage/contract.ts';
import { replyFailure, replyJson } from '../reply.ts';
import type { Route } from '../route.ts';

/** `GET /admin/v1/requests/{id}/content`: what was asked and answered, where that is kept. */
export function adminContentRoute(ledger: Pick<Ledger, 'content'>): Route {
  return {
    method: 'GET',
    path: '/admin/v1/requests/{id}/content',
    access: 'admin',
    async handle(exchange) {
      exchange.notes.subject = exchange.id.slice(0, 128);
      let content: RequestContent | undefined;
      try {
        content = await ledger.content(exchange.id);
      } catch (error) {
        const message = 'The store of the contents does not answer. Try again.';
        const reason = { retryAfterMs: 1_000, ...causeOfBug(error) };
        return replyFailure(exchange, failure('storage_unavailable', message, reason));
      }
      if (content === undefined) return replyFailure(exchange, nothingKept);
      const { id, createdAtMs, body } = content;
      const createdAt = new Date(createdAtMs).toISOString();
      return replyJson(exchange, 200, asciiJson({ id, created_at: createdAt, ...body }));
    },
  };
}

const nothingKept = failure(
  'completion_not_found',
  'No prompt and no answer is kept under this id: neither the key nor the model nor logging.content asked for that, its retention is ' +
    'over, or it is not the id of a completion.',
);
