import { describe, expect, test } from 'vitest';
import { proxyFor } from './proxy.ts';

const env = { HTTPS_PROXY: 'http://secure.proxy:1', HTTP_PROXY: 'plain.proxy:2' };

function chosen(origin: string, more: Record<string, string> = {}, configured?: string): string | undefined {
  const found = proxyFor(new URL(origin), configured, { ...env, ...more });
  if (!found.ok) return found.failure.code;
  return found.value?.host;
}

describe('the proxy for an origin', () => {
  test('is found by the origin’s scheme, and may have no scheme itself', () => {
    expect(chosen('https://a.example')).toBe('secure.proxy:1');
    expect(chosen('http://a.example')).toBe('plain.proxy:2');
  });

  test('is read from the lower-case variable where both are set', () => {
    expect(chosen('https://a.example', { https_proxy: 'http://lower:3' })).toBe('lower:3');
  });

  test('is not used for loopback, unless it is configured', () => {
    expect(chosen('http://127.0.0.1:8000')).toBeUndefined();
    expect(chosen('http://localhost:8000')).toBeUndefined();
    expect(chosen('http://[::1]:8000')).toBeUndefined();
    expect(chosen('http://127.0.0.1:8000', {}, 'http://given:4')).toBe('given:4');
  });

  test.each([
    ['example', 'https://example', true],
    ['example', 'https://api.example', true],
    ['.example', 'https://api.example', true],
    ['*.example', 'https://api.example', true],
    ['example', 'https://notexample', false],
    ['other, api.example', 'https://api.example', true],
    ['*', 'https://api.example', true],
    ['api.example:443', 'https://api.example', true],
    ['api.example:8443', 'https://api.example', false],
    ['10.0.0.5', 'http://10.0.0.5:8000', true],
    ['fd00::5', 'http://[fd00::5]:8000', true],
    ['[fd00::5]:9', 'http://[fd00::5]:8000', false],
    ['', 'https://api.example', false],
  ])('NO_PROXY=%s for %s: exempt %s', (list, origin, exempt) => {
    expect(chosen(origin, { NO_PROXY: list }) === undefined).toBe(exempt);
  });

  test('is refused where it is not an http URL', () => {
    expect(chosen('https://a.example', {}, 'socks5://x')).toBe('invalid_value');
    expect(chosen('https://a.example', {}, 'http://a%zz@x')).toBe('invalid_value');
  });
});
