import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { acceptedEncodings } from '../accepted-encodings.ts';
import { namesTag } from '../names-tag.ts';
import { replyBytes } from '../reply.ts';
import type { Route } from '../route.ts';

/** Beside the sources in a clone, and beside `dist` in the published package. `tools/openapi` generates it. */
const usualFile = new URL('../../../openapi.json', import.meta.url);

const headers = {
  'cache-control': 'no-cache',
  vary: 'Accept-Encoding',
  'x-content-type-options': 'nosniff',
};

/**
 * `GET /openapi.json`: the API described. Nothing of it is in memory, and nothing is compressed, before it is asked for; then its two
 * compressed forms stay, some 30 kB.
 */
export function openApiRoute(file: URL = usualFile): Route {
  let made: Promise<Document> | undefined;
  return {
    method: 'GET',
    path: '/openapi.json',
    access: 'public',
    async handle(exchange) {
      made ??= make(file);
      const document = await made.catch((error: unknown) => {
        made = undefined;
        throw error;
      });
      const accepted = acceptedEncodings(exchange.request.headers['accept-encoding']);
      const encoding = (['br', 'gzip'] as const).find((one) => accepted.has(one));
      // Each form has a tag of its own: a strong tag names exactly one sequence of bytes.
      const etag = `"${document.hash}${encoding === undefined ? '' : `-${encoding}`}"`;
      const all = { ...headers, etag };
      if (namesTag(exchange.request.headers['if-none-match'], etag))
        return replyBytes(exchange, 304, all, Buffer.alloc(0));
      const coding = encoding === undefined ? {} : { 'content-encoding': encoding };
      const bytes = encoding === undefined ? await document.plain() : document[encoding];
      return replyBytes(exchange, 200, { ...all, ...coding, 'content-type': 'application/json' }, bytes);
    },
  };
}

interface Document {
  readonly hash: string;
  readonly br: Buffer;
  readonly gzip: Buffer;
  plain(): Promise<Buffer>;
}

async function make(file: URL): Promise<Document> {
  const { brotliCompress, brotliDecompress, constants, gzip } = await import('node:zlib');
  // The file is laid out for people who read its changes.
  const text = JSON.stringify(JSON.parse(await readFile(file, 'utf8')));
  const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } };
  const [br, zipped] = await Promise.all([
    promisify(brotliCompress)(text, quality),
    promisify<string, Buffer>(gzip)(text),
  ]);
  return {
    hash: createHash('sha256').update(text).digest('base64url').slice(0, 22),
    br,
    gzip: zipped,
    plain: () => promisify(brotliDecompress)(br),
  };
}
