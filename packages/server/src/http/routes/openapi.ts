import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { brokenInside } from '../../domain/bug-failure.ts';
import type { BuiltFile } from '../built-files.ts';
import type { Route } from '../route.ts';
import { sendFile } from '../send-file.ts';

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
  let made: Promise<BuiltFile> | undefined;
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
      return sendFile(exchange, document, headers, brokenInside);
    },
  };
}

async function make(file: URL): Promise<BuiltFile> {
  const { brotliCompress, brotliDecompress, constants, gzip } = await import('node:zlib');
  // The file is laid out for people who read its changes.
  const text = JSON.stringify(JSON.parse(await readFile(file, 'utf8')));
  const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } };
  const [br, zipped] = await Promise.all([
    promisify(brotliCompress)(text, quality),
    promisify<string, Buffer>(gzip)(text),
  ]);
  const coded: Readonly<Record<string, Buffer>> = { br, gzip: zipped };
  return {
    path: '/openapi.json',
    type: 'application/json',
    etag: createHash('sha256').update(text).digest('base64url').slice(0, 22),
    encodings: Object.keys(coded),
    bytes: async (encoding) =>
      encoding === undefined ? await promisify(brotliDecompress)(br) : coded[encoding],
  };
}
