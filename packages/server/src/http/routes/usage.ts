import { asciiJson } from '@tailrace/protocol';
import type { Result } from '../../domain/failure.ts';
import type { ReportAnswer, UsageReport } from '../../metering/usage-report/usage-report.ts';
import type { Exchange } from '../exchange.ts';
import { replyFailure, replyJson, replyText } from '../reply.ts';
import type { Route } from '../route.ts';

/** `/admin/v1/usage`, `/admin/v1/requests` with its entries, and `/admin/v1/budgets`, and `/v1/usage` for an ordinary key. */
export function usageRoutes(report: UsageReport): Route[] {
  return [
    get('/admin/v1/usage', 'admin', ({ query }) => report.usage(query)),
    get('/admin/v1/requests', 'admin', ({ query }) => report.requests(query)),
    route('/admin/v1/requests/{id}', 'admin', ({ id }) => report.request(id)),
    get('/admin/v1/budgets', 'admin', ({ query }) => report.budgets(query)),
    get('/v1/usage', 'key', ({ query, principal }) => report.ownUsage(query, principal)),
  ];
}

type Ask = (exchange: Exchange) => Promise<Result<ReportAnswer>>;

/** A route that reads the parameters of its query. */
function get(path: string, access: Route['access'], ask: Ask): Route {
  return { ...route(path, access, ask), readsQuery: true };
}

function route(path: string, access: Route['access'], ask: Ask): Route {
  return {
    method: 'GET',
    path,
    access,
    async handle(exchange) {
      const answer = await ask(exchange);
      if (!answer.ok) return replyFailure(exchange, answer.failure);
      if (answer.value.type === 'json') return replyJson(exchange, 200, asciiJson(answer.value.json));
      return replyText(exchange, 'text/csv; charset=utf-8; header=present', answer.value.text);
    },
  };
}
