import { expect, it } from 'vitest';
import { createRedact } from './redact.ts';
import { maskSignatures } from './signature-mask.ts';

const signature = '0f'.repeat(32);
const redact = createRedact();

it.each([
  [`/v1/streams/a?expires=1&signature=${signature}`, '/v1/streams/a?expires=1&signature=***'],
  [`?signature=${signature}&live=sse`, '?signature=***&live=sse'],
  [`/v1/streams/a;signature=${signature}`, '/v1/streams/a;signature=***'],
  [`signature=${signature.slice(0, 9)}`, 'signature=***'],
  [`SIGNATURE=${signature.toUpperCase()} sent`, 'SIGNATURE=*** sent'],
  [
    `/v1/a%3Fexpires%3D1%26signature%3D${signature}%26live%3Dsse`,
    '/v1/a%3Fexpires%3D1%26signature%3D***%26live%3Dsse',
  ],
  [`/v1/a%253Fsignature%253d${signature}`, '/v1/a%253Fsignature%253d***'],
  [`%73ignatur%65=${signature}`, '%73ignatur%65=***'],
  [`{"url": "http://a/?signature=${signature}", "b": 1}`, '{"url": "http://a/?signature=***", "b": 1}'],
  [`a=1\\u0026signature\\u003d${signature}`, 'a=1\\u0026signature\\u003d***'],
  [`'signature=${signature}' and signature=x`, "'signature=***' and signature=***"],
])('masks the signature in %s', (text, masked) => {
  expect(redact(text)).toBe(masked);
  expect(maskSignatures(text)).toBe(masked);
});

it('masks a signature each of whose characters is escaped', () => {
  const escaped = (text: string) => text.replaceAll(/./g, (one) => `%${one.charCodeAt(0).toString(16)}`);
  const address = escaped(`/v1/streams/a?expires=1&signature=${signature}`);
  expect(decodeURIComponent(redact(address))).toBe('/v1/streams/a?expires=1&signature=***');
});

it.each(['signature', 'signature=', 'signature= x', 'a=b', 'no such signature; a=b', 'x-signature: 1'])(
  'leaves %s as it is',
  (text) => {
    expect(maskSignatures(text)).toBe(text);
  },
);
