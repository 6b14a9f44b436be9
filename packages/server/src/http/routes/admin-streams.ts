import type { RunRegistry } from '../../relay/run-registry.ts';
import type { Route } from '../route.ts';
import { listRoute } from './list-route.ts';

/** `GET /admin/v1/streams`: the runs at work now, oldest first. */
export function adminStreamsRoute(runs: RunRegistry): Route {
  return listRoute({
    path: '/admin/v1/streams',
    entries: () => runs.list(),
    idOf: ({ id }) => id,
    json: (run) => ({
      id: run.id,
      request_id: run.requestId,
      key_id: run.keyId,
      model: run.model,
      target: run.target ?? null,
      stream: run.stream,
      created_at: new Date(run.createdAtMs).toISOString(),
    }),
  });
}
