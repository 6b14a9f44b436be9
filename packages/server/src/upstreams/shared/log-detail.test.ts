import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { logDetail, withoutContent } from './log-detail.ts';

describe('a refusal for the log', () => {
  test('has its names and its wording', () => {
    const names = { type: 'invalid_request_error', code: 400, status: undefined };
    expect(logDetail('HTTP 400', names, 'temperature is too high')).toBe(
      'HTTP 400; type invalid_request_error; code 400; "temperature is too high"',
    );
    expect(logDetail('HTTP 400', { param: 'messages[2].content' }, '')).toBe(
      'HTTP 400; param messages[2].content',
    );
    expect(logDetail('HTTP 502', {}, '')).toBe('HTTP 502');
  });

  test('takes nothing for a name that could be a text', () => {
    expect(logDetail('HTTP 400', { type: 'my secret plan', code: { a: 1 } }, '')).toBe('HTTP 400');
    expect(logDetail('HTTP 400', { code: 'x'.repeat(65) }, '')).toBe('HTTP 400');
  });

  test.each([
    ["Invalid value: 'my secret plan'.", 'Invalid value: ….'],
    ["got 'it's a secret' for 'content'.", 'got ….'],
    ['never closed: "my secret plan', 'never closed: …'],
    ['value {"content": "my secret plan"} is odd', 'value … is odd'],
    ['input_value=[my secret plan], type=str', 'input_value=…, type=str'],
    [
      "This model's maximum context length is 8192 tokens",
      "This model's maximum context length is 8192 tokens",
    ],
    [`token ${'x'.repeat(41)} is unknown`, 'token … is unknown'],
    ['two\nlines', 'two lines'],
  ])('of %j it keeps %j', (message, kept) => {
    expect(withoutContent(message)).toBe(kept);
  });

  test('holds nothing of what is quoted, whatever marks that holds itself', () => {
    const marks = fc.constantFrom("''", '""', '``', '“”', '«»', '{}', '[]');
    const secret = fc.constantFrom('my plan', 'say "x"', "it's", '}{', '“deep', 'a]b');
    fc.assert(
      fc.property(marks, fc.array(secret, { minLength: 1 }), ([open = '', close = ''], secrets) => {
        const kept = withoutContent(`Bad value ${open}${secrets.join(' SECRET ')} SECRET${close} in a field`);
        expect(kept).not.toContain('SECRET');
        expect(kept).toMatch(/^Bad value …/);
      }),
    );
  });

  test('is short', () => {
    const kept = withoutContent('on and '.repeat(100));
    expect(kept.length).toBe(160);
    expect(kept.endsWith('…')).toBe(true);
  });
});
