import { failure } from '../domain/failure.ts';
import type { BuiltFiles } from '../http/built-files.ts';
import { replyFailure } from '../http/reply.ts';
import type { Route } from '../http/route.ts';
import { assetHeaders, documentHeaders, sendFile } from '../http/send-file.ts';
import { unknownUrl } from '../http/unknown-url.ts';
import { wantedType } from '../http/wanted-type.ts';

const pageHeaders = { ...documentHeaders({ sendsForms: false }), vary: 'Accept, Accept-Encoding' };
/** For a client of the API that has lost the path of its base URL. */
const pageOnly = failure(
  'unknown_url',
  "'GET /' is a page for browsers. The API: use 'POST /v1/chat/completions'; 'GET /v1/models' lists what is served, '/docs' says how.",
);
const notBuilt = failure(
  'unknown_url',
  'The page is not built here. From a clone `npm start` builds it, and its output says why where it cannot.',
);

/** `GET /`, and the files that the page loads. They ask for no key: the page has no data, and its requests have one. */
export function pageRoutes(files: BuiltFiles): Route[] {
  const routes: Route[] = [
    {
      method: 'GET',
      path: '/',
      access: 'public',
      async handle(exchange) {
        if (
          wantedType(exchange.request.headers.accept, ['text/html', 'application/json']) ===
          'application/json'
        )
          return replyFailure(exchange, pageOnly, pageVary);
        const page = await files.find('/');
        if (page === undefined) return replyFailure(exchange, notBuilt);
        return sendFile(exchange, page, pageHeaders, notBuilt);
      },
    },
    {
      method: 'GET',
      path: '/assets/{id}',
      access: 'public',
      async handle(exchange) {
        const asset = await files.find(exchange.path);
        if (asset === undefined) return replyFailure(exchange, unknownUrl('GET', exchange.path, routes));
        return sendFile(exchange, asset, assetHeaders, notBuilt);
      },
    },
  ];
  return routes;
}

const pageVary = { vary: pageHeaders.vary };
