import { type Failure, failure } from '../domain/failure.ts';
import { nearest } from '../domain/nearest.ts';
import { maskSignatures } from '../telemetry/signature-mask.ts';
import { filledIn, type Route } from './route.ts';

const chatOnly = 'Tailrace serves chat completions only: ask another server for these.';

/** Paths that clients try, and the route that serves them here. */
const otherSurfaces = new Map([
  ['/v1/embeddings', chatOnly],
  ['/v1/images/generations', chatOnly],
  ['/v1/audio/speech', chatOnly],
  ['/v1/audio/transcriptions', chatOnly],
  ['/v1/moderations', chatOnly],
  ['/v1/responses', "Use 'POST /v1/chat/completions'; in the AI SDK that is 'openai.chat(model)'."],
  ['/v1/completions', "Use 'POST /v1/chat/completions'."],
  ['/v1/messages', "Use 'POST /v1/chat/completions'."],
  ['/api/chat', "Use 'POST /v1/chat/completions'."],
  ['/api/generate', "Use 'POST /v1/chat/completions'."],
  ['/api/tags', "Use 'GET /v1/models'."],
  ['/health', "Use 'GET /livez' or 'GET /readyz'."],
  ['/healthz', "Use 'GET /livez' or 'GET /readyz'."],
]);

/**
 * A 404 that names the nearest known route: most unknown paths come from a base URL without `/v1`. Clients log this message, so it
 * repeats no signature.
 */
export function unknownUrl(method: string, path: string, routes: readonly Route[]): Failure {
  const shown = path.slice(0, 200).replace(/[^\x21-\x7e]/g, '?');
  const message = `There is no '${method} ${shown}' here. ${hint(path, routes)}`.trim();
  return failure('unknown_url', maskSignatures(message));
}

function hint(path: string, routes: readonly Route[]): string {
  if (/^\/(v1\/?)?$/.test(path)) {
    return "This is Tailrace: use 'POST /v1/chat/completions'; 'GET /v1/models' lists what it serves, '/docs' says how.";
  }
  const plain = path.replace(/\/{2,}/g, '/').replace(/(?<=.)\/$/, '');
  for (const candidate of [
    plain,
    `/v1${plain}`,
    plain.replace(/^\/v1\/v1\//i, '/v1/'),
    plain.replace(/^\/api\//i, '/'),
  ]) {
    const lower = candidate.toLowerCase();
    // Ids keep their case.
    const known = routes
      .map((route) => filledIn(route.path, candidate))
      .find((one) => one.toLowerCase() === lower);
    const surface = known === undefined ? otherSurfaces.get(lower) : undefined;
    if (surface !== undefined) return surface;
    if (known === undefined || known === path) continue;
    const prefixMissing = known === `/v1${path}`;
    return prefixMissing
      ? `Add /v1: the base URL ends in '/v1', the route is '${known}'.`
      : `Did you mean '${known}'?`;
  }
  const guess = nearest(
    path,
    routes
      .map((route) => filledIn(route.path, plain))
      // A route that takes the path's own id resembles every path: '/docs/{id}' is no guess for '/v1/files'.
      .filter(
        (filled) => routes.some((route) => route.path === filled) || placeOf(filled) === placeOf(plain),
      ),
  );
  // The same path: its id is one that no route takes, such as '..'.
  return guess === undefined || guess === path ? "All routes: '/docs/http'." : `Did you mean '${guess}'?`;
}

/** The first segment of a path. */
function placeOf(path: string): string {
  return path.split('/', 2)[1]?.toLowerCase() ?? '';
}
