import { expect, test } from 'vitest';
import { hiddenTexts } from './hidden-texts.ts';
import { excerpt } from './refusal/excerpt.ts';

const config = {
  kind: 'openai',
  apiKeys: ['the-upstreams-own-key'],
  headers: {
    'x-team': 'team-of-the-operator',
    'x-auth': 'Bearer hush7token-Qw93',
    cookie: 'a=b; session=sessQ93kdpL20xk',
    'x-basic': `Basic ${Buffer.from('opsuser:opspass9931').toString('base64')}`,
    'x-tenant': 'tenant="acmecorp";zone=prod42, other-zone',
  },
  proxy: 'http://porter:p%40ss-word@proxyhost:3128',
  caFile: '/etc/tailrace/ca-of-the-lab.pem',
} as const;
const baseUrl = new URL('https://bücher.example/v1?token=token-in-the-query');
const environment = { HTTPS_PROXY: 'http://outer-porter:outer-word@outerhost:3128' };

test.each([
  'the-upstreams-own-key',
  'team-of-the-operator',
  'hush7token-Qw93',
  'sessQ93kdpL20xk',
  'opsuser',
  'opsuser:opspass9931',
  'opspass9931',
  'acmecorp',
  'other-zone',
  'bücher.example',
  'xn--bcher-kva.example',
  'token-in-the-query',
  'proxyhost',
  'porter',
  'p@ss-word',
  'p%40ss-word',
  '/etc/tailrace/ca-of-the-lab.pem',
])('a client does not see %s', (text) => {
  expect(excerpt(`so ${text} it is`, hiddenTexts(config, baseUrl, environment))).toBe('so … it is');
});

test('a client does not see the credentials of a header in base64, without its scheme', () => {
  const sent = Buffer.from('opsuser:opspass9931').toString('base64');
  expect(excerpt(`so ${sent} it is`, hiddenTexts(config, baseUrl, environment))).toMatch(
    /^so ….{0,4} it is$/,
  );
});

test('a client sees the ordinary words of an error, also where they are in a header', () => {
  const message = 'no bearer, no session: invalid request';
  expect(excerpt(message, hiddenTexts(config, baseUrl, environment))).toBe(message);
});

test('a client does not see the credentials of a proxy in base64, as in its header', () => {
  const sent = Buffer.from('porter:p@ss-word').toString('base64');
  expect(excerpt(`so ${sent} it is`, hiddenTexts(config, baseUrl, environment))).toMatch(
    /^so ….{0,4} it is$/,
  );
});

test('a client does not see the proxy of the environment', () => {
  const { proxy: _, ...direct } = config;
  const hidden = hiddenTexts(direct, baseUrl, environment);
  expect(excerpt('outerhost refused outer-porter and outer-word', hidden)).toBe('… refused … and …');
});
