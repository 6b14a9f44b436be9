import { asciiJson } from '@tailrace/protocol';
import type { RunRegistry } from '../../relay/run-registry.ts';
import { replyJson } from '../reply.ts';
import type { Route } from '../route.ts';

/** `GET /admin/v1/streams`: the runs at work now, oldest first. */
export function adminStreamsRoute(runs: RunRegistry): Route {
  return {
    method: 'GET',
    path: '/admin/v1/streams',
    access: 'admin',
    handle: (exchange) => {
      const data = runs.list().map((run) => ({
        id: run.id,
        request_id: run.requestId,
        key_id: run.keyId,
        model: run.model,
        target: run.target ?? null,
        stream: run.stream,
        created_at: new Date(run.createdAtMs).toISOString(),
      }));
      return replyJson(exchange, 200, asciiJson({ data, has_more: false }));
    },
  };
}
