import type { Route } from '../route.ts';
import type { ServiceView } from '../service-view.ts';
import { listRoute } from './list-route.ts';

/** `GET /admin/v1/streams`: the runs at work now, oldest first. */
export function adminStreamsRoute(service: Pick<ServiceView, 'runs'>): Route {
  return listRoute({
    path: '/admin/v1/streams',
    entries: () => service.runs(),
    idOf: ({ id }) => id,
    json: (run) => ({
      id: run.id,
      request_id: run.requestId,
      key_id: run.keyId,
      owner: run.owner,
      model: run.model,
      target: run.target ?? null,
      stream: run.stream,
      completion_tokens: run.completionTokens,
      created_at: new Date(run.createdAtMs).toISOString(),
    }),
  });
}
