import { describe, expect, it } from 'vitest';
import { createStreamUrls, streamExpiryS, streamUrl } from './stream-url.ts';

const address = (publicUrl: string | undefined, host: string | undefined, id = 'chatcmpl-one') =>
  streamUrl({ publicUrl, host, id, expiresS: 1_795_868_396, signature: 'ab12' });
const rest = '/v1/streams/chatcmpl-one?expires=1795868396&signature=ab12';

describe('the address of a stream', () => {
  it.each([
    ['https://ai.example.org', 'https://ai.example.org'],
    ['https://ai.example.org/', 'https://ai.example.org'],
    ['https://ai.example.org:8443/tailrace', 'https://ai.example.org:8443/tailrace'],
    ['https://ai.example.org/a/b//', 'https://ai.example.org/a/b'],
    ['http://[::1]:7245', 'http://[::1]:7245'],
    ['HTTPS://AI.example.org?x=1#y', 'https://ai.example.org'],
  ])('under server.public_url %s begins with %s, whatever Host came', (publicUrl, begin) => {
    for (const host of [undefined, 'localhost:7245', 'evil.example'])
      expect(address(publicUrl, host)).toBe(`${begin}${rest}`);
  });

  it.each([
    ['localhost:7245', 'http://localhost:7245'],
    ['127.0.0.1', 'http://127.0.0.1'],
    ['[::1]:7245', 'http://[::1]:7245'],
    ['[::ffff:127.0.0.1]', 'http://[::ffff:7f00:1]'],
    ['AI.Example.org:80', 'http://ai.example.org'],
    ['my_host-1.internal', 'http://my_host-1.internal'],
  ])('of the Host %s begins with %s', (host, begin) => {
    expect(address(undefined, host)).toBe(`${begin}${rest}`);
  });

  it.each([
    undefined,
    '',
    'user@host',
    'host/path',
    'host?x',
    'host#x',
    'host:',
    'host:99999',
    'host:12a',
    'a b',
    'a\r\nset-cookie: x',
    'a\tb',
    '-host',
    '[::1',
    '[::g]',
    '[]',
    '::1',
    'host,other',
    'häst',
    'host%2e',
    'host\'"<>',
    '999.1.1.1',
    'x'.repeat(300),
  ])('is none for the Host %j', (host) => {
    expect(address(undefined, host)).toBeUndefined();
  });

  it('has an id in one segment', () => {
    expect(address(undefined, 'a', 'x/../y?signature=z')).toBe(
      'http://a/v1/streams/x%2F..%2Fy%3Fsignature%3Dz?expires=1795868396&signature=ab12',
    );
  });
});

it('an address ends when the stream is gone at the latest, rounded up to a second', () => {
  expect(streamExpiryS({ createdAtMs: 1_000_001, totalMs: 600_000, retentionMs: 600_000 })).toBe(2_201);
});

it('a stream has no address while its server cannot sign, and one until it is gone otherwise', () => {
  const stream = { id: 'chatcmpl-one', createdAtMs: 1_000_000, totalMs: 60_000 };
  const addressBy = (signed: string | undefined) =>
    createStreamUrls({ signature: { sign: () => signed }, publicUrl: undefined, retentionMs: 5_000 })(
      'a',
      stream,
    );
  expect(addressBy(undefined)).toBeUndefined();
  expect(addressBy('ab12')).toBe('http://a/v1/streams/chatcmpl-one?expires=1065&signature=ab12');
});
