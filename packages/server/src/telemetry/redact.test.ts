import { expect, it } from 'vitest';
import { createRedact } from './redact.ts';

const redact = createRedact({ secrets: ['hunter-two', 'hunter-two-and-more', 'k1'], keyPrefix: 'acme_' });

it.each([
  ['the key is hunter-two.', 'the key is ***.'],
  ['hunter-two-and-more', '***'],
  ['Authorization: Bearer abcdef123456', 'Authorization: Bearer ***'],
  ['postgres://me:pw@db/x and redis://:pw@r', 'postgres://***@db/x and redis://***@r'],
  ['GET /v1/models?api_key=abc&x=1', 'GET /v1/models?api_key=***&x=1'],
  ['sk-proj-0123456789abcdef failed', '*** failed'],
  ['"tr_0123456789abcdef"', '"***"'],
  ['acme_0123456789abcdef', '***'],
])('masks %s', (text, masked) => {
  expect(redact(text)).toBe(masked);
});

it.each([
  'chatcmpl-0123456789abcdef',
  'req_0123456789abcdef',
  'key_0123456789abcdef',
  'k1 models',
  'task-0123456789abcdef',
  'mail me@example.org',
  'http://host:80/a?b=c',
])('leaves %s as it is', (text) => {
  expect(redact(text)).toBe(text);
});
