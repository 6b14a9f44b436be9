import { describe, expect, it } from 'vitest';
import { refuseForeign } from './refuse-foreign.ts';
import { matchRoute, type Route } from './route.ts';
import { unknownUrl } from './unknown-url.ts';

const route = (method: Route['method'], path: string): Route => ({
  method,
  path,
  access: 'key',
  handle: async () => {},
});
const routes = [
  route('POST', '/v1/chat/completions'),
  route('GET', '/v1/models'),
  route('GET', '/v1/models/{+id}'),
  route('GET', '/admin/v1/keys/{id}'),
  route('PATCH', '/admin/v1/keys/{id}'),
  route('DELETE', '/admin/v1/keys/{id}'),
  route('POST', '/admin/v1/keys/{id}/rotate'),
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

  it.each([
    ['GET', '/admin/v1/keys/key_1', 'key_1'],
    ['PATCH', '/admin/v1/keys/key_1', 'key_1'],
    ['DELETE', '/admin/v1/keys/a%2Fb', 'a/b'],
    ['POST', '/admin/v1/keys/key_1/rotate', 'key_1'],
    ['POST', '/admin/v1/keys/a%2Fb/rotate', 'a/b'],
    ['POST', '/admin/v1/keys/rotate/rotate', 'rotate'],
    ['GET', '/admin/v1/keys/a/b', undefined],
    ['GET', '/admin/v1/keys/', undefined],
    ['GET', '/admin/v1/keys/..', undefined],
    ['GET', '/admin/v1/keys/.', undefined],
    ['POST', '/admin/v1/keys//rotate', undefined],
    ['POST', '/admin/v1/keys/rotate', undefined],
    ['POST', '/admin/v1/keys/key_1/rotate/', undefined],
    ['POST', '/admin/v1/keys/key_1/x/rotate', undefined],
    ['POST', '/admin/v1/keys/%zz/rotate', undefined],
  ])('%s %s has the id %j in the middle of its path', (method, path, id) => {
    const match = matchRoute(routes, method, path);
    expect(match.type === 'route' ? match.id : undefined).toBe(id);
  });

  it('that stands literally is no id of another one', () => {
    const signing = [...routes, route('POST', '/admin/v1/keys/rotate-signing')];
    expect(matchRoute(signing, 'GET', '/admin/v1/keys/rotate-signing')).toEqual({
      type: 'wrong-method',
      allowed: ['POST'],
    });
    expect(matchRoute(signing, 'POST', '/admin/v1/keys/rotate-signing').type).toBe('route');
  });

  it('with an id names all its methods', () => {
    expect(matchRoute(routes, 'PUT', '/admin/v1/keys/key_1')).toEqual({
      type: 'wrong-method',
      allowed: ['GET', 'HEAD', 'PATCH', 'DELETE'],
    });
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
    ['/models/lab', "the route is '/v1/models/lab'"],
    ['/v1/responses', '/v1/chat/completions'],
    ['/responses', '/v1/chat/completions'],
    ['/v1/chat/completions/', "Did you mean '/v1/chat/completions'?"],
    ['/v1/v1/models', "Did you mean '/v1/models'?"],
    ['/v1/chat/completion', '/v1/chat/completions'],
    ['/api/tags', '/v1/models'],
    ['/admin/v1/keys/key_1/rotat', "Did you mean '/admin/v1/keys/key_1/rotate'?"],
    ['/admin/v1/keys/key_1/', "Did you mean '/admin/v1/keys/key_1'?"],
    ['/admin/v1/keys/Key-aB/', "Did you mean '/admin/v1/keys/Key-aB'?"],
    ['/V1//Models', "Did you mean '/v1/models'?"],
    ['/v1/embeddings', 'chat completions only'],
    ['/embeddings', 'chat completions only'],
  ])('%s is answered with the hint %j', (path, hint) => {
    expect(unknownUrl('POST', path, routes).message).toContain(hint);
  });

  it('has no hint to a route of another place that would take its id', () => {
    const { message } = unknownUrl('POST', '/v1/vector_stores', [...routes, route('GET', '/docs/{id}')]);
    expect(message).not.toContain('/docs/vector_stores');
  });

  it('has no hint that repeats it', () => {
    expect(unknownUrl('POST', '/admin/v1/keys/../rotate', routes).message).not.toContain('Did you mean');
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
