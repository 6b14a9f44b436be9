import { createHmac } from 'node:crypto';

/** The key of a secret: what `whsec_` and Base64 encode, as Standard Webhooks write secrets; else the bytes of the text. */
export function webhookKey(secret: string): Buffer {
  return secret.startsWith('whsec_')
    ? Buffer.from(secret.slice('whsec_'.length), 'base64')
    : Buffer.from(secret, 'utf8');
}

/** The headers of Standard Webhooks 1.0: HMAC-SHA256 of `id.timestamp.body`. */
export function signedHeaders(
  key: Buffer,
  { id, body, atMs }: { readonly id: string; readonly body: string; readonly atMs: number },
): Readonly<Record<string, string>> {
  // An id may hold the name of an owner; a header takes printable ASCII.
  const headerId = id.toWellFormed().replace(/[^\x21-\x7e]+/g, encodeURIComponent);
  const timestamp = String(Math.floor(atMs / 1_000));
  const signature = createHmac('sha256', key).update(`${headerId}.${timestamp}.${body}`).digest('base64');
  return {
    'webhook-id': headerId,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${signature}`,
  };
}
