import { describe, expect, test } from 'vitest';
import { createRequestHeads } from './request-heads.ts';

const direct = { origin: new URL('http://llm.example:81/v1'), proxy: undefined, secureContext: undefined };

describe('the head of a request', () => {
  test('has each header once: the configured one, or that of the request', () => {
    const heads = createRequestHeads(direct, { authorization: 'Bearer k', accept: '*/*' });
    const headers = { accept: 'text/event-stream', 'accept-encoding': 'gzip', 'x-a': 'ü' };
    const head = heads.headOf({ path: '/v1/x?y', headers, body: '' }, 12);
    expect(head.split('\r\n')).toEqual([
      'POST /v1/x?y HTTP/1.1',
      'host: llm.example:81',
      'connection: keep-alive',
      'accept-encoding: identity',
      'authorization: Bearer k',
      'accept: */*',
      'x-a: ü',
      'content-length: 12',
      '',
      '',
    ]);
  });

  test('has the headers of its own request after that of another', () => {
    const heads = createRequestHeads(direct, {});
    const [one, two] = [{ 'x-one': '1' }, { 'x-two': '2' }];
    for (const headers of [one, one, two, one]) {
      const [[name, value] = []] = Object.entries(headers);
      const lines = heads.headOf({ path: '/', headers, body: '' }, 0).split('\r\n');
      expect(lines.filter((line) => line.startsWith('x-'))).toEqual([`${name}: ${value}`]);
    }
  });

  test.each([
    ['a path with a space', {}, { path: '/a b', headers: {}, body: '' }],
    ['a header of two lines', {}, { path: '/', headers: { a: 'b\r\nc: d' }, body: '' }],
    ['a header with a character beyond latin1', {}, { path: '/', headers: { a: '€' }, body: '' }],
    ['a header without a name', {}, { path: '/', headers: { '': 'x' }, body: '' }],
    ['a configured header of two lines', { a: 'b\nc' }, { path: '/', headers: {}, body: '' }],
  ])('is refused each time for %s', (_name, configured, request) => {
    const heads = createRequestHeads(direct, configured);
    for (let i = 0; i < 2; i += 1) expect(() => heads.headOf(request, 0)).toThrow(TypeError);
  });
});
