import { expect, it } from 'vitest';
import { createOidcAdmins } from './oidc-admins.ts';

const of = (admins: readonly string[], issuer = 'https://id.example.org') =>
  createOidcAdmins({ issuer, clientId: 'us', clientSecret: 'hush', admins });

it('finds a person without regard to case, and nobody who is only alike', () => {
  const admins = of(['Karl@Example.org']);
  const id = admins.idOf('karl@example.ORG') ?? '';
  expect(id).toMatch(/^oidc_[0-9a-f]{16}$/);
  expect(admins.has(id)).toBe(true);
  // The sign of Kelvin; a Cyrillic а.
  for (const email of [
    '\u212aarl@example.org',
    'k\u0430rl@example.org',
    ' karl@example.org',
    'karl@example.org\n',
    '',
  ])
    expect(admins.idOf(email)).toBeUndefined();
});

it('gives the same ids on every replica, and others for another provider', () => {
  const id = of(['ann@example.org', 'bob@example.org']).idOf('ann@example.org') ?? '';
  expect(of(['ANN@example.org']).has(id)).toBe(true);
  expect(of(['bob@example.org']).has(id)).toBe(false);
  expect(of(['ann@example.org'], 'https://other.example').has(id)).toBe(false);
  expect(createOidcAdmins(undefined).has(id)).toBe(false);
});
