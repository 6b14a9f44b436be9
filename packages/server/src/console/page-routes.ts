import { failure } from '../domain/failure.ts';
import { acceptedEncodings } from '../http/accepted-encodings.ts';
import type { Exchange } from '../http/exchange.ts';
import { namesTag } from '../http/names-tag.ts';
import { replyBytes, replyFailure } from '../http/reply.ts';
import type { Route } from '../http/route.ts';
import { unknownUrl } from '../http/unknown-url.ts';
import type { PageFile, PageFiles } from './page-files.ts';

/**
 * What the page may do. It loads only what this server serves, runs no text as code, and no other page shows it in a frame: a model
 * whose answer got into the page as HTML could do nothing with it.
 */
const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

const everyFile = {
  'x-content-type-options': 'nosniff',
  'cross-origin-resource-policy': 'same-origin',
  vary: 'Accept-Encoding',
};
const pageHeaders = {
  ...everyFile,
  vary: 'Accept, Accept-Encoding',
  'cache-control': 'no-cache',
  'content-security-policy': pagePolicy,
  'cross-origin-opener-policy': 'same-origin',
  'referrer-policy': 'same-origin',
};
/** The name of an asset has a hash of its bytes. */
const assetHeaders = { ...everyFile, 'cache-control': 'public, max-age=31536000, immutable' };

/** For a client of the API that has lost the path of its base URL. */
const pageOnly = failure(
  'unknown_url',
  "'GET /' is a page for browsers. The API: use 'POST /v1/chat/completions'; 'GET /v1/models' lists what is served.",
);
const notBuilt = failure(
  'unknown_url',
  'The page is not built here. From a clone `npm start` builds it, and its output says why where it cannot.',
);

/** `GET /`, and the files that the page loads. They ask for no key: the page has no data, and its requests have one. */
export function pageRoutes(files: PageFiles): Route[] {
  const routes: Route[] = [
    {
      method: 'GET',
      path: '/',
      access: 'public',
      async handle(exchange) {
        if (wantsJson(exchange)) return replyFailure(exchange, pageOnly, pageVary);
        const page = await files.find('/');
        if (page === undefined) return replyFailure(exchange, notBuilt);
        return sendFile(exchange, page, pageHeaders);
      },
    },
    {
      method: 'GET',
      path: '/assets/{id}',
      access: 'public',
      async handle(exchange) {
        const asset = await files.find(exchange.path);
        if (asset === undefined) return replyFailure(exchange, unknownUrl('GET', exchange.path, routes));
        return sendFile(exchange, asset, assetHeaders);
      },
    },
  ];
  return routes;
}

const pageVary = { vary: pageHeaders.vary };

function wantsJson({ request }: Exchange): boolean {
  const accept = request.headers.accept ?? '';
  return /\bapplication\/json\b/i.test(accept) && !/\btext\/html\b/i.test(accept);
}

async function sendFile(
  exchange: Exchange,
  file: PageFile,
  headers: Readonly<Record<string, string>>,
): Promise<void> {
  const accepted = acceptedEncodings(exchange.request.headers['accept-encoding']);
  const encoding = file.encodings.find((one) => accepted.has(one));
  // Each form has a tag of its own: a strong tag names exactly one sequence of bytes.
  const etag = `"${file.etag}${encoding === undefined ? '' : `-${encoding}`}"`;
  const all = { ...headers, etag };
  if (namesTag(exchange.request.headers['if-none-match'], etag)) {
    return replyBytes(exchange, 304, all, Buffer.alloc(0));
  }
  const coding = encoding === undefined ? {} : { 'content-encoding': encoding };
  const bytes = await file.bytes(encoding);
  if (bytes === undefined) return replyFailure(exchange, notBuilt);
  return replyBytes(exchange, 200, { ...all, ...coding, 'content-type': file.type }, bytes);
}
