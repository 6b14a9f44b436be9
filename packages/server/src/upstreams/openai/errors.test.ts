import { describe, expect, test } from 'vitest';
import { fakeChatRequest } from '../../domain/fake-chat-request.ts';
import { failureOfRefusal } from './errors.ts';

const request = fakeChatRequest('Hi', { tools: [{ name: 'f' }], rest: { top_k: 5 } });
const context = { hidden: ['sk-secret-1', 'lab.corp:8000'], request, nowMs: 0 };
const failureFor = (status: number, body: unknown, headers: Record<string, string> = {}) =>
  failureOfRefusal(
    { status, headers, body: typeof body === 'string' ? body : JSON.stringify(body) },
    context,
  );
const error = (message: string, more: object = {}) => ({ error: { message, ...more } });

describe('an HTTP error of an upstream', () => {
  test.each([
    [401, 'upstream_auth', true],
    [403, 'upstream_auth', true],
    [402, 'upstream_refused', true],
    [404, 'upstream_refused', true],
    [408, 'upstream_refused', undefined],
    [409, 'upstream_refused', undefined],
    [429, 'rate_limit_exceeded', undefined],
    [500, 'upstream_refused', undefined],
    [503, 'upstream_refused', undefined],
    [529, 'upstream_refused', undefined],
    [400, 'invalid_value', undefined],
    [418, 'invalid_value', undefined],
    [422, 'invalid_value', undefined],
    [204, 'upstream_protocol', undefined],
  ])('%i is %s', (status, code, permanent) => {
    const reason = failureFor(status, error('some words'));
    expect(reason.code).toBe(code);
    expect(reason.permanent).toBe(permanent);
  });

  test('keeps a code of ours that blames the request, and a param that is a path in the request', () => {
    expect(
      failureFor(400, error('x', { code: 'unsupported_parameter', param: 'tools[0].function.name' })),
    ).toMatchObject({
      code: 'unsupported_parameter',
      param: 'tools[0].function.name',
    });
    // Codes of ours that do not blame the request are not kept.
    expect(failureFor(400, error('x', { code: 'internal_error', param: 'not a path!' }))).toEqual({
      code: 'invalid_value',
      message: 'The upstream refused the request: x',
      detail: 'HTTP 400; code internal_error; param some string of 11 characters',
      wording: 'x',
    });
  });

  test('for an account without credit is permanent, although it comes as 429', () => {
    expect(failureFor(429, error('quota', { code: 'insufficient_quota' }))).toMatchObject({
      code: 'upstream_refused',
      permanent: true,
    });
  });

  test.each([
    [400, "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens"],
    [400, "The input (3100 tokens) is longer than the model's context length (2048 tokens)."],
    [400, 'the request exceeds the available context size, try increasing it'],
    [500, 'the request exceeds the available context size. try increasing the context size'],
    [
      400,
      'Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length',
    ],
    [400, 'Please reduce the length of the messages or completion.'],
    [422, 'Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096'],
    [400, 'The prompt is too long: 140000, model maximum context length: 131071'],
    [400, "This model's maximum prompt length is 131072 but the request contains 140000 tokens."],
    [400, 'Requested tokens (3100) exceed context window of 2048'],
    [400, 'The number of tokens to keep from the initial prompt is greater than the context length'],
    [400, 'prompt too long; exceeded max context length by 4 tokens'],
    [422, 'Input validation error: `inputs` must have less than 8192 tokens. Given: 9001'],
    [400, 'The input token count (9001) exceeds the maximum number of tokens allowed (8192).'],
  ])('%i with a message about a prompt that is too long: %s', (status, message) => {
    expect(failureFor(status, error(message)).code).toBe('context_length_exceeded');
  });

  test.each(['content_policy_violation', 'content_filter'])(
    '%s is content_policy_violation, after which no other target is asked',
    (code) => {
      expect(failureFor(400, error('no', { code })).code).toBe('content_policy_violation');
    },
  );

  test('may have any of the shapes in which providers send it', () => {
    const bodies = [
      error('boom'),
      { error: 'boom' },
      { message: 'boom', object: 'error', code: 400 },
      { detail: 'boom' },
      { detail: [{ loc: ['body', 'messages', 0, 'role'], msg: 'boom', type: 'x' }] },
      [error('boom')],
      'boom',
      '"boom"',
    ];
    for (const body of bodies)
      expect(failureFor(400, body).message).toBe('The upstream refused the request: boom');
    expect(failureFor(400, bodies[4]).param).toBe('messages[0].role');
    expect(failureFor(400, { error: { message: 'boom', param: 'body.top_k' } }).param).toBe('top_k');
    for (const body of ['', '{}', '[]', 'null', '<html>x</html>', '5']) {
      expect(failureFor(400, body).message).toBe('The upstream refused the request.');
    }
  });
});
