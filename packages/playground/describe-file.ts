import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';

/** One built file, as `packages/server/src/http/built-files.ts` reads it. */
export interface BuiltFile {
  /** The path at which it is served. */
  readonly path: string;
  /** Where it lies in the folder. */
  readonly file: string;
  readonly type: string;
  readonly etag: string;
  readonly encodings: readonly string[];
}

/** Writes the compressed forms of a built file beside it, where they are smaller, and says what there is. */
export async function describeFile(options: {
  readonly folder: string;
  readonly file: string;
  /** The path at which it is served. */
  readonly address: string;
  readonly type: string;
}): Promise<BuiltFile> {
  const { folder, file, address, type } = options;
  const place = path.join(folder, file);
  const bytes = await readFile(place);
  const encodings: string[] = [];
  // Images are compressed already.
  const isImage = type === 'image/png';
  const forms = isImage
    ? []
    : ([
        ['br', await promisify(brotliCompress)(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } })],
        ['gzip', await promisify(gzip)(bytes, { level: 9 })],
      ] as const);
  for (const [encoding, compressed] of forms) {
    if (compressed.length >= bytes.length) continue;
    await writeFile(`${place}.${encoding}`, compressed);
    encodings.push(encoding);
  }
  const etag = createHash('sha256').update(bytes).digest('base64url').slice(0, 22);
  return { path: address, file, type, etag, encodings };
}
