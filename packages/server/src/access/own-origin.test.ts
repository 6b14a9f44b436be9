import { expect, test } from 'vitest';
import { comesByHttps, comesFromOwnPage } from './own-origin.ts';

test.each<[string, Record<string, string>, string | undefined, boolean]>([
  ['the origin of its Host', { origin: 'http://10.0.0.5:7245', host: '10.0.0.5:7245' }, undefined, true],
  ['the same in capitals', { origin: 'http://box.lan:7245', host: 'BOX.lan:7245' }, undefined, true],
  ['TLS that ends at a proxy', { origin: 'https://ai.example.org', host: 'ai.example.org' }, undefined, true],
  ['an IPv6 address', { origin: 'http://[::1]:7245', host: '[::1]:7245' }, undefined, true],
  [
    'a proxy with a Host of its own',
    { origin: 'https://ai.example.org', host: 'app:7245' },
    'https://ai.example.org/t',
    true,
  ],
  [
    'public_url by another scheme',
    { origin: 'http://ai.example.org', host: 'app:7245' },
    'https://ai.example.org',
    false,
  ],
  [
    'public_url on another port',
    { origin: 'https://ai.example.org:8443', host: 'app:7245' },
    'https://ai.example.org',
    false,
  ],
  ['a proxy, and no public_url', { origin: 'https://ai.example.org', host: 'app:7245' }, undefined, false],
  ['another port', { origin: 'http://10.0.0.5:80', host: '10.0.0.5:7245' }, undefined, false],
  [
    'a user in the origin',
    { origin: 'http://10.0.0.5:7245@evil.example', host: '10.0.0.5:7245' },
    undefined,
    false,
  ],
  ['no Host', { origin: 'http://10.0.0.5' }, undefined, false],
  ['an origin that is no URL', { origin: '10.0.0.5:7245', host: '10.0.0.5:7245' }, undefined, false],
  ['a file', { origin: 'file://10.0.0.5', host: '10.0.0.5' }, undefined, false],
])('whether a page of this server has sent a request: %s', (_, headers, publicUrl, own) => {
  expect(comesFromOwnPage(distinct(headers), publicUrl)).toBe(own);
});

test.each<[string, Record<string, string>, string | undefined, boolean]>([
  ['by its Host', { host: 'ai.example.org' }, 'https://ai.example.org', true],
  ['by its Origin', { host: 'app:7245', origin: 'https://ai.example.org' }, 'https://ai.example.org/t', true],
  [
    'past the proxy',
    { host: '127.0.0.1:7245', origin: 'http://127.0.0.1:7245' },
    'https://ai.example.org',
    false,
  ],
  ['a public_url without TLS', { host: 'ai.example.org' }, 'http://ai.example.org', false],
  ['an https origin, and no public_url', { host: 'a', origin: 'https://a' }, undefined, false],
])('whether a browser has come by https: %s', (_, headers, publicUrl, https) => {
  expect(comesByHttps(distinct(headers), publicUrl)).toBe(https);
});

function distinct(headers: Record<string, string>): Record<string, string[]> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]]));
}
