import { describe, expect, test } from 'vitest';
import { refusalCause } from './refusal-cause.ts';

describe('a refusal for the log', () => {
  test('has its names, and its wording separately', () => {
    const names = { type: 'invalid_request_error', code: 400, status: undefined, param: null };
    expect(refusalCause('HTTP 400', names, 'temperature is too high')).toEqual({
      detail: 'HTTP 400; type invalid_request_error; code 400',
      wording: 'temperature is too high',
    });
    expect(refusalCause('HTTP 502', {}, '')).toEqual({ detail: 'HTTP 502' });
  });

  test('has no name that may be a text', () => {
    const names = { type: 'my secret plan', code: 'my_secret_plan', status: { a: 1 } };
    expect(refusalCause('HTTP 400', names, '').detail).toBe(
      'HTTP 400; type some string of 14 characters; code some string of 14 characters',
    );
  });

  test('keeps a bounded part of the wording', () => {
    expect(refusalCause('HTTP 400', {}, 'x'.repeat(60_000)).wording?.length).toBe(2_000);
  });
});
