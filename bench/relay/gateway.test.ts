import { describe, expect, test } from 'vitest';
import { parseGateway } from './gateway.ts';

describe('--with', () => {
  test('takes a name and a URL, and has the key and model of the bench', () => {
    expect(parseGateway('other=http://127.0.0.1:4000')).toEqual({
      name: 'other',
      target: {
        host: '127.0.0.1',
        port: 4000,
        path: '/v1/chat/completions',
        key: 'bench-key',
        model: 'bench',
      },
      pids: [],
    });
  });

  test('takes a key, a model and several processes', () => {
    const { target, pids } = parseGateway('other=http://localhost:4000/v1,key=sk=1,pid=12,model=a/b,pid=34');
    expect(target).toMatchObject({ host: 'localhost', key: 'sk=1', model: 'a/b' });
    expect(pids).toEqual([12, 34]);
  });

  test.each([
    ['http://h', '/v1/chat/completions', 80],
    ['http://h:1/', '/v1/chat/completions', 1],
    ['http://h:1/api/v1/', '/api/v1/chat/completions', 1],
    ['http://h:1/v1/chat/completions', '/v1/chat/completions', 1],
  ])('takes %s as base or endpoint', (url, path, port) => {
    expect(parseGateway(`g=${url}`).target).toMatchObject({ path, port });
  });

  test.each([
    'http://127.0.0.1:4000',
    'other=',
    'other=127.0.0.1:4000',
    'other=https://127.0.0.1',
    'other=http://h,pid=x',
    'other=http://h,port=3',
  ])('refuses %s, and says what it takes', (text) => {
    expect(() => parseGateway(text)).toThrow(/--with takes/);
  });
});
