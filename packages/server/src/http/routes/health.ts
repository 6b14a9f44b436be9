import { failure } from '../../domain/failure.ts';
import type { Ledger } from '../../ledger/contract.ts';
import { replyFailure, replyJson } from '../reply.ts';
import type { Route } from '../route.ts';

export interface Readiness {
  /** True from the first SIGTERM on. */
  draining(): boolean;
  /** Configuration and engine loaded. */
  loaded(): boolean;
  /** `canAdmit`: whether the store of records, or the spool in its place, takes requests. */
  readonly ledger: Pick<Ledger, 'canAdmit'>;
}

/** `/livez`: the process answers. `/readyz`: it can serve requests; that does not depend on any provider. */
export function healthRoutes(readiness: Readiness): Route[] {
  return [
    {
      method: 'GET',
      path: '/livez',
      access: 'public',
      handle: (exchange) => replyJson(exchange, 200, '{"status":"alive"}'),
    },
    {
      method: 'GET',
      path: '/readyz',
      access: 'public',
      handle: async (exchange) => {
        if (readiness.draining()) {
          return replyFailure(
            exchange,
            failure('draining', 'This server is shutting down.', { retryAfterMs: 5_000 }),
          );
        }
        if (!readiness.loaded()) {
          return replyFailure(
            exchange,
            failure('overloaded', 'The engine is loading its model.', { retryAfterMs: 1_000 }),
          );
        }
        if (!(await readiness.ledger.canAdmit())) {
          return replyFailure(
            exchange,
            failure(
              'storage_unavailable',
              'Usage records can be stored neither in the database nor in the spool, so every completion is refused. The log of the server has the reason.',
              { retryAfterMs: 5_000 },
            ),
          );
        }
        return replyJson(exchange, 200, '{"status":"ready"}');
      },
    },
  ];
}
