import { describe, expect, it } from 'vitest';
import { type Access, createAuthenticator } from './authenticator.ts';
import type { RequestHeaders } from './extract-key.ts';

const keys = {
  apiKeys: ['tr_user', 'any-format'],
  adminKeys: ['tr_admin'],
  keyPrefix: 'tr_',
  required: true,
};
const { authenticate } = createAuthenticator(keys);

const ask = (headers: RequestHeaders, access: Access = 'key', query = '') => {
  const answer = authenticate(access, headers, query);
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

  it.each(['api_key=tr_user', 'key=x', 'access_token=x', 'anything=tr_user', 'a=b&KEY=x'])(
    'in the query string is refused: %s',
    (query) => {
      expect(ask({ authorization: ['Bearer tr_user'] }, 'key', query)).toBe('invalid_value');
    },
  );

  it('of a user is refused on admin routes; an admin key is accepted on both kinds', () => {
    expect(ask({ authorization: ['Bearer tr_user'] }, 'admin')).toBe('admin_required');
    expect(ask({ authorization: ['Bearer tr_admin'] }, 'admin')).toBe('admin');
    expect(ask({ authorization: ['Bearer tr_admin'] })).toBe('admin');
  });

  it('has an id that is the same everywhere and is not the key', () => {
    const ids = [keys, { ...keys, apiKeys: ['tr_user'] }].map((one) => {
      const answer = createAuthenticator(one).authenticate('key', { 'api-key': ['tr_user'] }, '');
      return answer.ok ? answer.value.keyId : '';
    });
    expect(ids[0]).toBe(ids[1]);
    expect(ids[0]).not.toContain('tr_user');
  });

  it('is not required by public routes, nor by any route while authentication is off', () => {
    expect(ask({}, 'public')).toBe('user');
    const open = createAuthenticator({ ...keys, required: false });
    expect(open.authenticate('admin', {}, '')).toMatchObject({ ok: true, value: { admin: true } });
  });
});
