import { createHash } from 'node:crypto';
import type { OidcConfig } from '../../config/config.ts';

/** The people who may sign in by the provider. A session names its person by an id, in the place of an admin key. */
export interface OidcAdmins {
  /** Undefined for an address that is not among `auth.oidc.admins`. */
  idOf(email: string): string | undefined;
  /** Whether this is the id of one of them: a person who was taken out loses every session. */
  has(id: string): boolean;
}

/** The ids are the same on every replica, and others for another provider, where the same address may be another person. */
export function createOidcAdmins(config: OidcConfig | undefined): OidcAdmins {
  const ids = new Map(
    config?.admins.map((admin) => {
      const email = lowerCase(admin);
      const digest = createHash('sha256').update(`${config.issuer}\n${email}`).digest('hex');
      return [email, `oidc_${digest.slice(0, 16)}`];
    }),
  );
  const known = new Set(ids.values());
  return { idOf: (email) => ids.get(lowerCase(email)), has: (id) => known.has(id) };
}

/** Of ASCII only: in Unicode the sign of Kelvin would become a `k`, and its address that of another person. */
function lowerCase(email: string): string {
  return email.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
}
