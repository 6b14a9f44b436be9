import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { errorWords } from './error-words.ts';
import { nameOf, wholeWording, wordingWithoutContent } from './wording.ts';

describe('the wording of an error in a log without content', () => {
  test.each([
    'CUDA out of memory. Tried to allocate 20.00 MiB (GPU 0; 15.78 GiB total capacity; 14.56 GiB already allocated)',
    "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens.",
    'The input token count (1200293) exceeds the maximum number of tokens allowed (1048576).',
    'prompt is too long: 210000 tokens > 200000 maximum',
    'the request exceeds the available context size, try increasing it',
    'Extra inputs are not permitted',
    'temperature is too high',
    'Insufficient Balance',
    'overloaded',
  ])('keeps %j', (message) => {
    expect(wordingWithoutContent(message)).toBe(message);
  });

  test.each([
    ["Invalid value: 'my secret plan'.", 'Invalid value: …'],
    ["model 'llama9' not found", '… not found'],
    ['Rate limit reached for model `x9` in organization `o1`', 'Rate limit reached for model …'],
    ['the lighthouse keeper paints at dawn', '…'],
    ['tell me the model of the key to my account', '… model of the key …'],
    ['my pin is 4711 and my number 0815', '…'],
    ['limit of tokens for mine 4111 1111 1111 1111', 'limit of tokens …'],
    ['maximum length is tokens 123456789', 'maximum length is tokens …'],
    ['Cannot read properties of hidden (reading it)', 'Cannot read properties …'],
    ['Unexpected token \'m\', "my secret plan" is not valid JSON', 'Unexpected token … not valid JSON'],
    ['请求 error 错误', '…'],
    ['invalid request: Хотите секрет', 'invalid request: …'],
    ['invalid request gpt4secret max_secret maxSecret', 'invalid request …'],
    ['my wish\u0007\nmemory error', '… memory error'],
    ['', ''],
  ])('of %j keeps %j', (message, kept) => {
    expect(wordingWithoutContent(message)).toBe(kept);
  });

  test('shows no word that is not in the list, in any text', () => {
    const known = fc.constantFrom(...errorWords.keys());
    const planted = fc.stringMatching(/^[a-z]{4,12}$/).filter((word) => !errorWords.has(word));
    const mark = fc.constantFrom(' ', ' "', '" ', '. ', '_', '-', '\u200b', '/', "'", '\n', ' {', '} ');
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.oneof(known, planted), mark)), (pieces) => {
        const shown = wordingWithoutContent(pieces.flat().join(''));
        for (const word of shown.toLowerCase().match(/[a-z][a-z0-9]*/g) ?? [])
          expect(errorWords.has(word)).toBe(true);
      }),
    );
  });

  test('is short, and is read in bounded steps', () => {
    const kept = wordingWithoutContent('error of memory '.repeat(100_000));
    expect(kept.length).toBeLessThanOrEqual(202);
    expect(kept.endsWith('…')).toBe(true);
  });
});

describe('with content', () => {
  test('the wording is unchanged but bounded, and ends with a whole word', () => {
    expect(wholeWording('my secret\nplan')).toBe('my secret\nplan');
    expect(wholeWording(`${'a '.repeat(240)}${'s'.repeat(100)}`)).toBe(`${'a '.repeat(240)}…`);
    expect(wholeWording('😀'.repeat(1_000)).length).toBe(500);
    expect(wholeWording('😀'.repeat(1_000)).isWellFormed()).toBe(true);
  });
});

describe('a name in a log', () => {
  test.each([
    'invalid_request_error',
    'BadRequestError',
    'ResponsibleAIPolicyViolation',
    'messages[2].content',
    'model_context_window_exceeded',
    'text/html',
    'executableCode',
    'messages[2].content[0].text',
    '400',
  ])('%s is shown', (name) => {
    expect(nameOf(name)).toBe(name);
  });

  test.each([
    ['my_secret_plan', 'some string of 14 characters'],
    ['MySecretPlan', 'some string of 12 characters'],
    ['error_4711', 'some string of 10 characters'],
    ['error message of it', 'some string of 19 characters'],
    ['errör', 'some string of 5 characters'],
    ['error_'.repeat(20), 'some string of 120 characters'],
    ['', 'some string of 0 characters'],
    ['10.3.4.5', 'some string of 8 characters'],
    ['server10.3.4.5', 'some string of 14 characters'],
    ['host-10-3-4-5', 'some string of 13 characters'],
    ['411-111-111-111-111-1', 'some string of 21 characters'],
    ['078-05-112', 'some string of 10 characters'],
    ['error411error111error111', 'some string of 24 characters'],
    ['4711', 'some string of 4 characters'],
    [4_711, 'some number'],
    [4_711_000, 'some number'],
    [1.5, 'some number'],
    [{ a: 1 }, 'some object'],
    [undefined, 'some undefined'],
  ])('%j is shown as %s', (name, shown) => {
    expect(nameOf(name)).toBe(shown);
  });
});
