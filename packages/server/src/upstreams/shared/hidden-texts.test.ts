import { expect, test } from 'vitest';
import { excerpt } from './excerpt.ts';
import { hiddenTexts } from './hidden-texts.ts';

const config = {
  kind: 'openai',
  apiKey: 'the-upstreams-own-key',
  headers: { 'x-team': 'team-of-the-operator' },
  proxy: 'http://porter:p%40ss-word@proxyhost:3128',
  caFile: '/etc/tailrace/ca-of-the-lab.pem',
} as const;
const baseUrl = new URL('https://bücher.example/v1?token=token-in-the-query');
const environment = { HTTPS_PROXY: 'http://outer-porter:outer-word@outerhost:3128' };

test.each([
  'the-upstreams-own-key',
  'team-of-the-operator',
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

test('nor the credentials of a proxy in base64, as its header has them', () => {
  const sent = Buffer.from('porter:p@ss-word').toString('base64');
  expect(excerpt(`so ${sent} it is`, hiddenTexts(config, baseUrl, environment))).toMatch(
    /^so ….{0,4} it is$/,
  );
});

test('nor what the environment says of the proxy', () => {
  const { proxy: _, ...direct } = config;
  const hidden = hiddenTexts(direct, baseUrl, environment);
  expect(excerpt('outerhost refused outer-porter and outer-word', hidden)).toBe('… refused … and …');
});
