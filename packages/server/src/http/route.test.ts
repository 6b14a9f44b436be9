import { describe, expect, it } from 'vitest';
import { refuseForeign } from './refuse-foreign.ts';
import { matchRoute, type Route } from './route.ts';
import { unknownUrl } from './unknown-url.ts';

const route = (method: Route['method'], path: string, takesId?: true): Route => ({
  method,
  path,
  access: 'key',
  handle: async () => {},
  ...(takesId === undefined ? {} : { takesId }),
});
const routes = [
  route('POST', '/v1/chat/completions'),
  route('GET', '/v1/models'),
  route('GET', '/v1/models/', true),
  route('GET', '/livez'),
];
const idOf = (path: string) => {
  const match = matchRoute(routes, 'GET', path);
  return match.type === 'route' ? match.id : match.type;
};

describe('a route', () => {
  it.each([
    ['/v1/models/acme/chat', 'acme/chat'],
    ['/v1/models/acme%2Fchat', 'acme/chat'],
    ['/v1/models/acme%252Fchat', 'acme%2Fchat'],
    ['/v1/models/default', 'default'],
    ['/v1/models', ''],
  ])('%s has the id %j, decoded once', (path, id) => {
    expect(idOf(path)).toBe(id);
  });

  it.each([
    '/%76%31/models',
    '//v1/models',
    '/v1/models/',
    '/v1/../v1/models',
    'http://evil/v1/models',
    '/V1/models',
    '/v1/models/%ff',
    '/livez/',
  ])('is not matched by the odd spelling %s', (path) => {
    expect(idOf(path)).toBe('unknown');
  });

  it('answers HEAD like GET and says which methods it takes', () => {
    expect(matchRoute(routes, 'HEAD', '/livez').type).toBe('route');
    expect(matchRoute(routes, 'GET', '/v1/chat/completions')).toEqual({
      type: 'wrong-method',
      allowed: ['POST'],
    });
  });
});

describe('an unknown route', () => {
  it.each([
    ['/chat/completions', 'Add /v1'],
    ['/v1/responses', '/v1/chat/completions'],
    ['/responses', '/v1/chat/completions'],
    ['/v1/chat/completions/', "Did you mean '/v1/chat/completions'?"],
    ['/v1/v1/models', "Did you mean '/v1/models'?"],
    ['/v1/chat/completion', '/v1/chat/completions'],
    ['/api/tags', '/v1/models'],
  ])('%s is answered with the hint %j', (path, hint) => {
    expect(unknownUrl('POST', path, routes).message).toContain(hint);
  });

  it('is echoed without control characters and not at any length', () => {
    const { message } = unknownUrl('GET', `/\r\n\u001b[31m${'a'.repeat(10_000)}`, routes);
    expect(message).toMatch(/^[\x20-\x7e]*$/);
    expect(message.length).toBeLessThan(400);
  });
});

describe('without authentication', () => {
  it.each([
    ['localhost:7245', undefined],
    ['127.0.0.1:7245', 'http://localhost:3000'],
    ['[::1]:7245', 'http://127.0.0.1'],
  ])('the host %s with the origin %s is served', (host, origin) => {
    expect(refuseForeign(host, origin)).toBeUndefined();
  });

  it.each([
    ['evil.example', undefined, 'Host'],
    ['127.0.0.1.evil.example', undefined, 'Host'],
    [undefined, undefined, 'Host'],
    ['localhost', 'https://evil.example', 'Origin'],
    ['localhost', 'null', 'Origin'],
    ['localhost', 'http://localhost.evil.example', 'Origin'],
  ])('the host %s with the origin %s is refused', (host, origin, param) => {
    expect(refuseForeign(host, origin)?.param).toBe(param);
  });
});
