import { asciiJson } from '@tailrace/protocol';
import type { Result } from '../../domain/failure.ts';
import type { Meter } from '../../metering/meter.ts';
import type { CancelOrder, EndedStatus } from '../../peers/contract.ts';
import type { Surface } from '../../wire/contract.ts';
import type { BodyBudget } from '../body-budget.ts';
import { type CancelDeps, cancelCompletion } from '../cancel-completion.ts';
import type { Exchange } from '../exchange.ts';
import { rateLimitHeaders } from '../rate-limit-headers.ts';
import { readNoFields, readWrite } from '../read-write.ts';
import { replyFailure, replyJson } from '../reply.ts';
import type { Route } from '../route.ts';

export interface CancelRouteOptions extends CancelDeps {
  /** The account of bodies as bytes. */
  readonly budget: BodyBudget;
  readonly meter: Pick<Meter, 'look'>;
}

/**
 * `POST /v1/chat/completions/{id}/cancel`, and the same below the path of each other surface: stops a completion of the caller's
 * own key, whatever surface it came through. Works while the server drains.
 */
export function cancelRoute({ path }: Pick<Surface, 'path'>, options: CancelRouteOptions): Route {
  return {
    method: 'POST',
    path: `${path}/{id}/cancel`,
    access: 'key',
    async handle(exchange) {
      const { id, principal } = exchange;
      const [cancelled, windows] = await Promise.all([
        cancelAsked(exchange, options, { id, keyId: principal.keyId }),
        // Beside the cancelling, not before it: the limiter may take as long as the cancelling may.
        options.meter.look(principal),
      ]);
      Object.assign(exchange.headers, rateLimitHeaders(windows));
      await reply(exchange, cancelled);
    },
  };
}

/** `POST /admin/v1/streams/{id}/cancel`: stops a completion of any key. */
export function adminCancelRoute(options: CancelRouteOptions): Route {
  return {
    method: 'POST',
    path: '/admin/v1/streams/{id}/cancel',
    access: 'admin',
    handle: async (exchange) => {
      await reply(exchange, await cancelAsked(exchange, options, { id: exchange.id }));
    },
  };
}

async function cancelAsked(
  exchange: Exchange,
  options: CancelRouteOptions,
  order: CancelOrder,
): Promise<Result<EndedStatus>> {
  const asked = await readWrite(exchange, options.budget);
  const nothing = asked.ok ? readNoFields(asked.value.body) : asked;
  return nothing.ok ? await cancelCompletion(options, order) : nothing;
}

function reply(exchange: Exchange, cancelled: Result<EndedStatus>): Promise<void> {
  if (!cancelled.ok) return replyFailure(exchange, cancelled.failure);
  return replyJson(exchange, 200, asciiJson({ id: exchange.id, status: cancelled.value }));
}
