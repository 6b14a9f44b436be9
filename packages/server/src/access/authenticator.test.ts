import { describe, expect, it } from 'vitest';
import { newSigningSecret } from '../storage/signing-secret.ts';
import type { Access, AuthenticatorOptions } from './authenticator.ts';
import type { RequestHeaders } from './extract-key.ts';
import { hashOfKey } from './issued-key.ts';
import { mayUseStream } from './principal.ts';
import { createStoredKeys, noStoredKeys } from './stored-keys.ts';
import { createStreamSignature } from './stream-signature.ts';
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
  const answer = authenticate(access, headers, query, '');
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
      const answer = fixedAuthenticator(one).authenticate('key', { 'api-key': ['tr_user'] }, '', '');
      return 'ok' in answer && answer.ok ? answer.value.keyId : '';
    });
    expect(ids[0]).toBe(ids[1]);
    expect(ids[0]).not.toContain('tr_user');
  });

  it('is not required by public routes, nor by any route while authentication is off', () => {
    expect(ask({}, 'public')).toBe('user');
    const open = fixedAuthenticator({ ...keys, required: false, limits: { maxStreams: 5 } });
    expect(open.authenticate('admin', {}, '', '')).toMatchObject({
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
      authenticator.authenticate(access, { authorization: ['Bearer tr_stored'] }, '', '');
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

describe('a signed address', () => {
  const nowMs = Date.UTC(2026, 10, 28);
  const expiresS = nowMs / 1_000 + 600;
  const id = 'chatcmpl-one';
  const missing = 'completion_not_found';

  const signing = async (options: Partial<AuthenticatorOptions> = {}) => {
    const ledger = createMemoryKeys();
    const stored = createStoredKeys({ ledger, now: () => 0 });
    await stored.follow(new AbortController().signal, () => {});
    const { authenticate } = fixedAuthenticator({ ...keys, stored, now: () => nowMs, ...options });
    const signature = createStreamSignature(stored.signingSecret).sign(id, expiresS) ?? '';
    const ask = (
      query = `expires=${expiresS}&signature=${signature}`,
      { headers = {}, of = id, access = 'stream' as Access }: Partial<Asked> = {},
    ) => {
      const answer = authenticate(access, headers, query, of);
      if (answer instanceof Promise) return 'waits';
      return answer.ok ? answer.value.keyId : answer.failure.code;
    };
    return { ledger, signature, authenticate, ask };
  };
  interface Asked {
    readonly headers: RequestHeaders;
    readonly of: string;
    readonly access: Access;
  }
  const withKey = (key: string) => ({ headers: { authorization: [`Bearer ${key}`] } });

  it('stands for a key, and its sender may use this one stream and nothing else', async () => {
    const { authenticate, signature } = await signing();
    const query = `offset=-1&expires=${expiresS}&live=sse&signature=${signature}`;
    const answer = await authenticate('stream', {}, query, id);
    if (!answer.ok) throw new Error(answer.failure.message);
    const sender = answer.value;
    expect(sender).toMatchObject({ keyId: 'signed', admin: false, owner: '', scopes: [], onlyStream: id });
    expect(sender.models.allows({ id: 'default', aliases: [] })).toBe(false);
    expect(mayUseStream(sender, { id, keyId: 'key_1' })).toBe(true);
    expect(mayUseStream(sender, { id: 'chatcmpl-two', keyId: 'signed' })).toBe(false);
  });

  it('alone decides where it is present: a key beside it neither helps nor harms', async () => {
    const { ask } = await signing();
    for (const key of ['tr_user', 'tr_admin', 'tr_unknown']) {
      expect(ask(undefined, withKey(key))).toBe('signed');
      expect(ask(`expires=${expiresS}&signature=${'0'.repeat(64)}`, withKey(key))).toBe(missing);
    }
  });

  it.each(['', 'expires=1', 'offset=now', `xsignature=${'0'.repeat(64)}`, 'Signature=x'])(
    'is not present in %j, where a key is asked for as usual',
    async (query) => {
      const { ask } = await signing();
      expect(ask(query)).toBe('missing_api_key');
      // The ledger is asked for it.
      expect(ask(query, withKey('tr_unknown'))).toBe('waits');
      expect(ask(query, withKey('tr_user'))).toMatch(/^key_/);
    },
  );

  it('is one of its own stream, whole, and sent once', async () => {
    const { ask, signature } = await signing();
    expect(ask(undefined, { of: 'chatcmpl-two' })).toBe(missing);
    for (const query of [
      'signature=',
      'signature',
      `signature=${signature}`,
      `expires=${expiresS}&signature=`,
      `expires=&signature=${signature}`,
      `expires=${expiresS + 1}&signature=${signature}`,
      `expires=${expiresS}&signature=${signature}&signature=${signature}`,
      `expires=${expiresS}&expires=${expiresS}&signature=${signature}`,
      `expires=${expiresS}&signature=${signature.toUpperCase()}x`,
    ])
      expect([query, ask(query)]).toEqual([query, missing]);
  });

  it('is named where neither it nor a key came, as where a shell has cut it at its ampersand', () => {
    const answer = authenticate('stream', {}, `expires=${expiresS}`, 'chatcmpl-1');
    expect(answer).toMatchObject({ failure: { code: 'missing_api_key' } });
    expect(JSON.stringify(answer)).toContain("the whole address from 'tailrace-stream-url'");
  });

  it('opens no other route', async () => {
    const { ask } = await signing();
    for (const access of ['key', 'admin'] as const)
      expect(ask(undefined, { access })).toBe('missing_api_key');
    expect(ask(undefined, { access: 'public' })).toBe('anonymous');
  });

  it('ends with its expiry and with a rotation', async () => {
    const late = await signing({ now: () => expiresS * 1_000 });
    expect(late.ask()).toBe(missing);
    const rotated = await signing();
    await rotated.ledger.change({ type: 'rotate-signing', secret: newSigningSecret(), atMs: nowMs });
    expect(rotated.ask()).toBe(missing);
  });

  it('works with authentication off, where a wrong one is refused too', async () => {
    const { ask } = await signing({ required: false });
    expect(ask()).toBe('signed');
    expect(ask(`expires=${expiresS}&signature=x`)).toBe(missing);
    expect(ask('')).toBe('anonymous');
  });

  it('is neither accepted nor refused before the secret was read; one of a wrong form is refused at once', async () => {
    const { ask } = await signing({ stored: noStoredKeys });
    expect(ask()).toBe('storage_unavailable');
    expect(ask('expires=1&signature=x')).toBe(missing);
  });

  it('does not change what is refused of keys: one in the query, and two different ones', async () => {
    const { ask, signature } = await signing();
    const query = `expires=${expiresS}&signature=${signature}`;
    expect(ask(`${query}&api_key=x`)).toBe('invalid_value');
    expect(ask(`${query}&live=tr_user`)).toBe('invalid_value');
    expect(ask(query, { headers: { 'x-api-key': ['a'], 'api-key': ['b'] } })).toBe('invalid_value');
  });

  it('is no key in the query, however the keys of this server begin', async () => {
    const first = await signing();
    const keyPrefix = first.signature.slice(0, 2);
    const stored = createStoredKeys({ ledger: first.ledger, now: () => 0 });
    await stored.follow(new AbortController().signal, () => {});
    const { ask } = await signing({ keyPrefix, stored });
    expect(ask(`expires=${expiresS}&signature=${first.signature}`)).toBe('signed');
    expect(ask(`expires=${expiresS}&other=${first.signature}`)).toBe('invalid_value');
  });
});
