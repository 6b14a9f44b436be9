import { randomBytes } from 'node:crypto';

/** The name under which a store keeps the secret that signs addresses of streams. */
export const signingSecretName = 'stream-signing';

const form = /^[0-9a-f]{64}$/;

/** A new secret: 32 random bytes, in hexadecimal. */
export function newSigningSecret(): string {
  return randomBytes(32).toString('hex');
}

/**
 * The bytes of a stored secret; undefined for a text of another form, with which an operator has overwritten it. As
 * hexadecimal such a text would be read as no bytes, and a signature without a key is one that anybody can make.
 */
export function signingSecretBytes(text: string): Buffer | undefined {
  return form.test(text) ? Buffer.from(text, 'hex') : undefined;
}
