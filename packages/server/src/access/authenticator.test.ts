import { describe, expect, it } from 'vitest';
import type { Access, AuthenticatorOptions } from './authenticator.ts';
import type { RequestHeaders } from './extract-key.ts';
import { hashOfKey } from './issued-key.ts';
import { createStoredKeys } from './stored-keys.ts';
import { fixedAuthenticator } from './testing/fixed-authenticator.ts';
import { createMemoryKeys } from './testing/memory-keys.ts';

const keys = {
  apiKeys: ['tr_user', 'any-format'],
  adminKeys: ['tr_admin'],
  keyPrefix: 'tr_',
  required: true,
};
const { authenticate } = fixedAuthenticator(keys);

/** A fixed key is known without waiting. */
const ask = (headers: RequestHeaders, access: Access = 'key', query = '') => {
  const answer = authenticate(access, headers, query);
  if (answer instanceof Promise) return 'waits';
  return answer.ok ? (answer.value.admin ? 'admin' : 'user') : answer.failure.code;
};

describe('a key', () => {
  it.each<[string, RequestHeaders]>([
    ['Authorization: Bearer', { authorization: ['Bearer tr_user'] }],
    ['any case of the scheme and any blanks', { authorization: ['  bearer   tr_user '] }],
    ['x-api-key', { 'x-api-key': ['tr_user'] }],
    ['api-key', { 'api-key': ['tr_user'] }],
    ['the same key twice', { authorization: ['Bearer tr_user'], 'api-key': ['tr_user'] }],
    ['a key without the prefix', { authorization: ['Bearer any-format'] }],
  ])('is taken from %s', (_, headers) => {
    expect(ask(headers)).toBe('user');
  });

  it.each<[string, RequestHeaders, string]>([
    ['nothing', {}, 'missing_api_key'],
    ['an empty bearer', { authorization: ['Bearer '] }, 'missing_api_key'],
    ['another scheme', { authorization: ['Basic dXNlcg=='] }, 'missing_api_key'],
    ['an unknown key', { authorization: ['Bearer tr_usex'] }, 'invalid_api_key'],
    ['two different keys', { authorization: ['Bearer tr_user'], 'api-key': ['tr_admin'] }, 'invalid_value'],
    ['a second header line', { authorization: ['Bearer tr_user', 'Bearer tr_admin'] }, 'invalid_value'],
  ])('is refused with %s', (_, headers, code) => {
    expect(ask(headers)).toBe(code);
  });

  it.each([
    'api_key=tr_user',
    'key=x',
    'access_token=x',
    'anything=tr_user',
    'anything=+tr_user',
    'tr_user',
    'a=b&KEY=x',
  ])('in the query string is refused: %s', (query) => {
    expect(ask({ authorization: ['Bearer tr_user'] }, 'key', query)).toBe('invalid_value');
  });

  it('of a user is refused on admin routes; an admin key is accepted on both kinds', () => {
    expect(ask({ authorization: ['Bearer tr_user'] }, 'admin')).toBe('admin_required');
    expect(ask({ authorization: ['Bearer tr_admin'] }, 'admin')).toBe('admin');
    expect(ask({ authorization: ['Bearer tr_admin'] })).toBe('admin');
  });

  it('has an id that is the same everywhere and is not the key', () => {
    const ids = [keys, { ...keys, apiKeys: ['tr_user'] }].map((one) => {
      const answer = fixedAuthenticator(one).authenticate('key', { 'api-key': ['tr_user'] }, '');
      return 'ok' in answer && answer.ok ? answer.value.keyId : '';
    });
    expect(ids[0]).toBe(ids[1]);
    expect(ids[0]).not.toContain('tr_user');
  });

  it('is not required by public routes, nor by any route while authentication is off', () => {
    expect(ask({}, 'public')).toBe('user');
    const open = fixedAuthenticator({ ...keys, required: false, limits: { maxStreams: 5 } });
    expect(open.authenticate('admin', {}, '')).toMatchObject({
      ok: true,
      value: {
        keyId: 'anonymous',
        owner: 'default',
        admin: true,
        scopes: [{ scope: 'key:anonymous', maxStreams: 5 }],
      },
    });
  });
});

describe('a stored key', () => {
  const nowMs = 1_000_000;
  const stored = async (options: Partial<AuthenticatorOptions> = {}) => {
    const ledger = createMemoryKeys();
    const keysOfStore = createStoredKeys({ ledger, now: () => 0 });
    await keysOfStore.follow(new AbortController().signal, () => {});
    const more = { stored: keysOfStore, now: () => nowMs, ...options };
    const authenticator = fixedAuthenticator({ ...keys, ...more });
    const put = (change: object) =>
      ledger.change({
        type: 'create-key',
        key: {
          id: 'key_1',
          owner: 'acme',
          prefix: 'tr_…',
          hashes: [{ hash: hashOfKey('tr_stored') }],
          createdAtMs: 0,
          ...change,
        },
        atMs: 0,
      });
    const ask = (access: Access = 'key') =>
      authenticator.authenticate(access, { authorization: ['Bearer tr_stored'] }, '');
    return { ledger, put, ask };
  };
  const code = (answer: Awaited<ReturnType<Awaited<ReturnType<typeof stored>>['ask']>>) =>
    answer.ok ? answer.value.keyId : answer.failure.code;

  it('is known without waiting, with its own limits else those of the deployment', async () => {
    const { put, ask } = await stored({ limits: { maxStreams: 3, requestsPerMinute: 60 } });
    await put({ requestsPerMinute: 5, usageChunk: 'separate', models: ['acme/*'] });
    expect(ask()).toMatchObject({
      ok: true,
      value: {
        keyId: 'key_1',
        owner: 'acme',
        admin: false,
        usageChunk: 'separate',
        scopes: [{ scope: 'key:key_1', requestsPerMinute: 5, maxStreams: 3 }],
      },
    });
  });

  it('is one principal for all requests until it or its owner changes', async () => {
    const { ledger, put, ask } = await stored();
    await put({});
    const principal = async () => {
      const answer = await ask();
      return answer.ok ? answer.value : undefined;
    };
    const first = await principal();
    expect(await principal()).toBe(first);
    await ledger.change({ type: 'put-owner', owner: { id: 'acme', maxStreams: 1, createdAtMs: 0 }, atMs: 0 });
    expect(await principal()).toMatchObject({ scopes: [{ scope: 'owner:acme', maxStreams: 1 }] });
    await ledger.change({ type: 'update-key', id: 'key_1', fields: { maxStreams: 2 }, atMs: 0 });
    expect((await principal())?.scopes).toHaveLength(2);
  });

  it.each<[string, object, string]>([
    ['revoked', { revokedAtMs: 5 }, 'invalid_api_key'],
    ['expired', { expiresAtMs: nowMs }, 'expired_api_key'],
    ['not expired yet', { expiresAtMs: nowMs + 1 }, 'key_1'],
    [
      'rotated long ago',
      { hashes: [{ hash: 'x' }, { hash: hashOfKey('tr_stored'), expiresAtMs: nowMs }] },
      'expired_api_key',
    ],
    [
      'rotated just now',
      { hashes: [{ hash: 'x' }, { hash: hashOfKey('tr_stored'), expiresAtMs: nowMs + 1 }] },
      'key_1',
    ],
  ])('that is %s is answered', async (_, change, expected) => {
    const { put, ask } = await stored();
    await put(change);
    expect(code(await ask())).toBe(expected);
  });

  it('is no admin key', async () => {
    const { put, ask } = await stored();
    await put({});
    expect(code(await ask('admin'))).toBe('admin_required');
  });

  it('that the store cannot say anything of is 503, never 401; fixed keys work all the same', async () => {
    const { ledger, ask } = await stored();
    ledger.away = true;
    expect(code(await ask())).toBe('storage_unavailable');
    ledger.away = false;
    expect(code(await ask())).toBe('invalid_api_key');
  });

  it('is noted as used once a minute', async () => {
    let at = nowMs;
    const { ledger, put, ask } = await stored({ now: () => at });
    await put({});
    for (let count = 0; count < 10; count += 1) await ask();
    at += 60_000;
    await ask();
    expect(ledger.calls.filter((name) => name === 'touch')).toHaveLength(2);
  });
});
