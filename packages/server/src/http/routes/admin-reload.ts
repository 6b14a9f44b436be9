import { asciiJson } from '@tailrace/protocol';
import { failure } from '../../domain/failure.ts';
import { replyFailure, replyJson } from '../reply.ts';
import type { Route } from '../routes.ts';

/** `POST /admin/v1/reload`: what SIGHUP does. A configuration with problems changes nothing. */
export function adminReloadRoute(reload: () => Promise<readonly string[]>): Route {
  return {
    method: 'POST',
    path: '/admin/v1/reload',
    access: 'admin',
    handle: async (exchange) => {
      const problems = await reload();
      if (problems.length === 0) return replyJson(exchange, 200, asciiJson({ reloaded: true }));
      const message = `The configuration was not reloaded; the old one stays in force.\n${problems.join('\n')}`;
      return replyFailure(exchange, failure('invalid_value', message));
    },
  };
}
