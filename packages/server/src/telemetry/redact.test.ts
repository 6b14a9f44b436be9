import { describe, expect, it } from 'vitest';
import { createChangingRedact, createRedact } from './redact.ts';

const redact = createRedact({ secrets: ['hunter-two', 'hunter-two-and-more', 'k1'], keyPrefixes: ['acme_'] });

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

it('shows a text in the same way each time, whatever came before it', () => {
  const texts = [
    ...Array.from({ length: 1_000 }, (_, n) => `req_${n}`),
    ...['POST', 'the key is hunter-two.', 'hunter-', 'GET /v1/models?api_key=abc', 'mail me@example.org'],
  ];
  const first = texts.map((text) => redact(text));
  expect(texts.toReversed().map((text) => redact(text))).toEqual(first.toReversed());
});

it('masks the beginning of a secret in a text that was cut, also where it has shown the same text whole', () => {
  expect(redact('a line with hunter-')).toBe('a line with hunter-');
  expect(redact('a line with hunter-', true)).toBe('a line with ***');
  expect(redact('a line with hunter-')).toBe('a line with hunter-');
});

describe('a masking that changes', () => {
  const key = (n: number) => `key-number-${n}-of-many`;

  it('still masks the secrets of earlier configurations', () => {
    const { redact, replace } = createChangingRedact();
    replace([key(1)], 'one_');
    replace([key(2)], 'two_');
    expect(redact(`${key(1)} ${key(2)} one_0123456789ab two_0123456789ab`)).toBe('*** *** *** ***');
  });

  it('masks what was no secret before', () => {
    const { redact, replace } = createChangingRedact();
    expect(redact(key(1))).toBe(key(1));
    replace([key(1)], 'tr_');
    expect(redact(key(1))).toBe('***');
  });

  it('remembers a bounded number of configurations', () => {
    const { redact, replace } = createChangingRedact();
    for (let n = 0; n < 100; n += 1) replace([key(n)], 'tr_');
    expect(redact(key(0))).toBe(key(0));
    for (let n = 92; n < 100; n += 1) expect(redact(key(n))).toBe('***');
  });

  it('forgets no secret through reloads that change none', () => {
    const { redact, replace } = createChangingRedact();
    replace([key(1), key(2)], 'tr_');
    for (let n = 0; n < 100; n += 1) replace([key(n % 2 === 0 ? 3 : 4)], 'tr_');
    expect(redact(key(2))).toBe('***');
  });

  it('costs the same after any number of replacements', () => {
    const { redact, replace } = createChangingRedact();
    for (let n = 0; n < 2_000; n += 1) replace([key(n)], 'tr_');
    expect(redact(`a line with ${key(1_999)}`)).toBe('a line with ***');
  });
});
