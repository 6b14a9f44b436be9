import { createSecretKey, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createStreamSignature, readSignedQuery, type SignedQuery } from './stream-signature.ts';

const signatures = createStreamSignature(() => secret);
const secret = createSecretKey(randomBytes(32));
const nowMs = Date.UTC(2026, 10, 28, 10);
const nowS = nowMs / 1_000;

const ids = fc.oneof(
  fc.constantFrom('chatcmpl-AbC123', 'a', '1'),
  fc.string({ minLength: 1, maxLength: 40 }),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 10 }),
  // Line feeds and digits, which also separate and make up what is signed.
  fc.string({ unit: fc.constantFrom('\n', '1', '7', 'a'), minLength: 1, maxLength: 12 }),
);
/** In the hour after now. */
const expiries = fc.integer({ min: nowS + 1, max: nowS + 3_600 });

function signed(id: string, expiresS: number): SignedQuery {
  return { expires: String(expiresS), signature: signatures.sign(id, expiresS) ?? 'none' };
}
const verdict = (id: string, asked: SignedQuery, atMs = nowMs) => signatures.verify(id, asked, atMs);

describe('a signature', () => {
  it('is 64 hexadecimal digits, and valid for its id until its expiry', () => {
    fc.assert(
      fc.property(ids, expiries, (id, expiresS) => {
        const asked = signed(id, expiresS);
        expect(asked.signature).toMatch(/^[0-9a-f]{64}$/);
        expect(verdict(id, asked)).toBe('valid');
        expect(verdict(id, asked, expiresS * 1_000 - 1)).toBe('valid');
        expect(verdict(id, asked, expiresS * 1_000)).toBe('invalid');
      }),
    );
  });

  it('is valid for no other id and no other expiry, wherever the digits stand', () => {
    fc.assert(
      fc.property(ids, expiries, ids, expiries, (id, expiresS, otherId, otherS) => {
        fc.pre(id !== otherId || expiresS !== otherS);
        const { signature } = signed(id, expiresS);
        expect(verdict(otherId, { expires: String(otherS), signature })).toBe('invalid');
        // The same digits and letters, divided at another place.
        for (const [moved, rest] of [
          [`${expiresS}${id[0]}`, id.slice(1)],
          [`${Math.floor(expiresS / 10)}`, `${expiresS % 10}${id}`],
          [`${Math.floor(expiresS / 10)}`, `\n${expiresS % 10}\n${id}`],
        ] as const)
          expect(verdict(rest, { expires: moved, signature })).toBe('invalid');
      }),
    );
  });

  it('is invalid with any of its characters changed, removed, added or in another case', () => {
    const characters = fc.constantFrom(...'0123456789abcdefABCDEF gG+/=-_.%\n\u0660\uff10');
    fc.assert(
      fc.property(
        ids,
        expiries,
        fc.nat(64),
        characters,
        fc.constantFrom(0, 1),
        (id, expiresS, at, one, cut) => {
          const asked = signed(id, expiresS);
          const change = (text: string) => text.slice(0, at) + one + text.slice(at + cut);
          for (const changed of [
            { ...asked, signature: change(asked.signature) },
            { ...asked, signature: asked.signature.slice(0, at) },
            { ...asked, signature: asked.signature.toUpperCase() },
            { ...asked, expires: change(asked.expires) },
            { ...asked, expires: asked.expires.slice(0, at) },
          ]) {
            if (changed.signature === asked.signature && changed.expires === asked.expires) continue;
            expect(verdict(id, changed)).toBe('invalid');
          }
        },
      ),
    );
  });

  it('is invalid where its expiry is spelled in another way', () => {
    const id = 'chatcmpl-one';
    const { expires, signature } = signed(id, nowS + 60);
    for (const spelled of [
      `0${expires}`,
      `+${expires}`,
      `-${expires}`,
      `${expires}.0`,
      `${expires}e0`,
      ` ${expires}`,
      `${expires}\n`,
      `0x${Number(expires).toString(16)}`,
      `${expires}000`,
      '',
      'NaN',
      '0',
    ])
      expect(verdict(id, { expires: spelled, signature })).toBe('invalid');
  });

  it('is invalid for an expiry that no stream can have, also where the secret has signed it', () => {
    const id = 'chatcmpl-one';
    for (const expiresS of [0, -1, 1.5, nowS - 1, nowS + 61 * 86_400, 10 ** 12, Number.MAX_SAFE_INTEGER])
      expect([expiresS, verdict(id, signed(id, expiresS))]).toEqual([expiresS, 'invalid']);
    expect(verdict(id, signed(id, nowS + 50 * 86_400))).toBe('valid');
  });

  it('of ids with half a surrogate pair, which would all be signed as one, is invalid', () => {
    for (const id of ['\ud83d', '\ud83e']) expect(verdict(id, signed(id, nowS + 60))).toBe('invalid');
  });

  it('of another secret is invalid, and none is made or verified without one', () => {
    const other = createStreamSignature(() => createSecretKey(randomBytes(32)));
    const without = createStreamSignature(() => undefined);
    const asked = signed('a', nowS + 60);
    expect(other.verify('a', asked, nowMs)).toBe('invalid');
    expect(without.verify('a', asked, nowMs)).toBe('unavailable');
    expect(without.sign('a', nowS + 60)).toBeUndefined();
    expect(without.verify('a', { ...asked, signature: 'x' }, nowMs)).toBe('invalid');
  });

  it('never throws, whatever came', () => {
    const anything = fc.string({ unit: 'binary', maxLength: 80 });
    const halves = fc.array(fc.integer({ min: 0xd800, max: 0xdfff }), { maxLength: 3 });
    fc.assert(
      fc.property(anything, anything, anything, halves, (id, expires, signature, units) => {
        const half = String.fromCharCode(...units);
        expect(verdict(id + half, { expires, signature: signature + half })).toBe('invalid');
        readSignedQuery(`${expires}&signature=${signature}${half}&%`);
      }),
    );
  });
});

describe('the query of a signed address', () => {
  const one = 'a'.repeat(64);

  it('is read wherever its parameters stand; an escaped digit is the same digit', () => {
    const asked = { expires: '12', signature: one };
    for (const query of [
      `expires=12&signature=${one}`,
      `signature=${one}&offset=-1&expires=12`,
      `live=sse&expires=%31%32&signatur%65=${one.replaceAll('a', '%61')}`,
    ])
      expect(readSignedQuery(query)).toEqual(asked);
  });

  it('is none without a signature, and an invalid one where a parameter is missing or comes twice', () => {
    for (const query of ['', 'expires=12', `Signature=${one}`, `x=signature=${one}`, `sig=${one}`])
      expect(readSignedQuery(query)).toBeUndefined();
    expect(readSignedQuery('signature')).toEqual({ expires: '', signature: '' });
    expect(readSignedQuery(`signature=${one}`)).toEqual({ expires: '', signature: one });
    const twice = `expires=12&signature=${one}&signature=${one}&%65xpires=12`;
    expect(readSignedQuery(twice)).toEqual({ expires: '', signature: '' });
  });
});
