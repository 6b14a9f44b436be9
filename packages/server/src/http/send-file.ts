import type { Failure } from '../domain/failure.ts';
import { acceptedEncodings } from './accepted-encodings.ts';
import type { BuiltFile } from './built-files.ts';
import type { Exchange } from './exchange.ts';
import { namesTag } from './names-tag.ts';
import { replyBytes, replyFailure } from './reply.ts';

/** The headers of every file. */
export const fileHeaders = {
  'x-content-type-options': 'nosniff',
  'cross-origin-resource-policy': 'same-origin',
  vary: 'Accept-Encoding',
};

/** Those of a file whose name has a hash of its bytes. */
export const assetHeaders = { ...fileHeaders, 'cache-control': 'public, max-age=31536000, immutable' };

/**
 * The headers of a document that a browser shows. It loads only what this server serves, runs no text as code, and no other page shows it
 * in a frame: a text that got into it as HTML could do nothing with it. `sendsForms`: it has a form, which goes to this server.
 */
export function documentHeaders({ sendsForms }: { readonly sendsForms: boolean }) {
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    `form-action ${sendsForms ? "'self'" : "'none'"}`,
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ];
  return {
    ...fileHeaders,
    'cache-control': 'no-cache',
    'content-security-policy': policy.join('; '),
    'cross-origin-opener-policy': 'same-origin',
    'referrer-policy': 'same-origin',
  };
}

/** Answers with a built file, in the best coding that the client takes; 304 where it has it. `gone`: for a file that is being built anew. */
export async function sendFile(
  exchange: Exchange,
  file: BuiltFile,
  headers: Readonly<Record<string, string>>,
  gone: Failure,
): Promise<void> {
  const accepted = acceptedEncodings(exchange.request.headers['accept-encoding']);
  const encoding = file.encodings.find((one) => accepted.has(one));
  const all = { ...headers, etag: etagOf(file.etag, encoding) };
  if (namesTag(exchange.request.headers['if-none-match'], all.etag)) {
    return replyBytes(exchange, 304, all, Buffer.alloc(0));
  }
  const coding = encoding === undefined ? {} : { 'content-encoding': encoding };
  const bytes = await file.bytes(encoding);
  if (bytes === undefined) return replyFailure(exchange, gone);
  return replyBytes(exchange, 200, { ...all, ...coding, 'content-type': file.type }, bytes);
}

/** Each form has a tag of its own: a strong tag names exactly one sequence of bytes. */
export function etagOf(tag: string, encoding: string | undefined): string {
  return `"${tag}${encoding === undefined ? '' : `-${encoding}`}"`;
}
