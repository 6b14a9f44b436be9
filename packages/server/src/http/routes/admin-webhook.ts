import { asciiJson } from '@tailrace/protocol';
import { causeOfBug } from '../../domain/cause.ts';
import { failure } from '../../domain/failure.ts';
import type { Ledger, WebhookStatus } from '../../ledger/contract.ts';
import { replyFailure, replyJson } from '../reply.ts';
import type { Route } from '../route.ts';

/** `GET /admin/v1/webhook`: how many events wait, and why. */
export function adminWebhookRoute(ledger: Pick<Ledger, 'webhook'>): Route {
  return {
    method: 'GET',
    path: '/admin/v1/webhook',
    access: 'admin',
    async handle(exchange) {
      let status: WebhookStatus | undefined;
      try {
        status = await ledger.webhook();
      } catch (error) {
        const message = 'The store, where the events wait, does not answer. Try again.';
        const reason = { retryAfterMs: 1_000, ...causeOfBug(error) };
        return replyFailure(exchange, failure('storage_unavailable', message, reason));
      }
      return replyJson(exchange, 200, asciiJson(webhookJson(status)));
    },
  };
}

function webhookJson(status: WebhookStatus | undefined) {
  const { waiting = 0, oldestAtMs = null, delivers = false, failing } = status ?? {};
  return {
    configured: status !== undefined,
    waiting,
    oldest_at: oldestAtMs === null ? null : new Date(oldestAtMs).toISOString(),
    delivers,
    failing:
      failing === undefined
        ? null
        : {
            event: failing.event,
            reason: failing.reason,
            tries: failing.tries,
            next_try_at: new Date(failing.nextTryAtMs).toISOString(),
          },
  };
}
