import { type Authenticator, type AuthenticatorOptions, createAuthenticator } from '../authenticator.ts';
import { createFixedKeys } from '../fixed-keys.ts';
import { noStoredKeys } from '../stored-keys.ts';

export interface FixedAuthenticatorOptions extends Partial<Omit<AuthenticatorOptions, 'fixed'>> {
  readonly apiKeys?: readonly string[];
  readonly adminKeys?: readonly string[];
}

/** An authenticator for tests; without a store unless one is given. */
export function fixedAuthenticator({
  apiKeys = [],
  adminKeys = [],
  keyPrefix = 'tr_',
  ...options
}: FixedAuthenticatorOptions): Authenticator {
  return createAuthenticator({
    fixed: createFixedKeys({ apiKeys, adminKeys }, keyPrefix),
    keyPrefix,
    stored: noStoredKeys,
    required: true,
    limits: {},
    now: Date.now,
    ...options,
  });
}
