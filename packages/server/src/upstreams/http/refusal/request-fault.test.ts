import { describe, expect, test } from 'vitest';
import * as anthropic from '../../anthropic/errors.ts';
import * as gemini from '../../gemini/errors.ts';
import * as openai from '../../openai/errors.ts';
import { errorIn } from './upstream-error.ts';

const context = { hidden: [], nowMs: 0 };
const dialects = { openai, anthropic, gemini };

/** The codes of the failure for a body with this HTTP status, in all dialects: they must be one. */
const refused = (status: number, body: object) =>
  Object.values(dialects).map(
    ({ failureOfRefusal }) =>
      failureOfRefusal({ status, headers: {}, body: JSON.stringify(body) }, context).code,
  );

/** The same for an answer with status 200, as an event and as a JSON answer. */
const failed = (body: object) =>
  Object.values(dialects).flatMap(({ failureOfEvent }) => {
    const error = errorIn(JSON.parse(JSON.stringify(body)));
    return [500, 200].map((status) => error && failureOfEvent(error, context, status).code);
  });

const expectAll = (codes: readonly unknown[], code: string) =>
  expect(new Set(codes)).toEqual(new Set([code]));

describe('a prompt that is too long', () => {
  test.each([
    'Prompt exceeds max length',
    'Range of input length should be [1, 30720]',
    '<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 30720]',
    'Total message token length exceed model limit (131072 tokens).',
    'Total tokens of image and text exceed max message tokens',
    'Input length 131073 exceeds the maximum length 131072',
    'Invalid request: Your request exceeded model token limit: 8192 (requested: 9001)',
    'invalid params, context window exceeds limit (2013)',
    'too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 5000. Try using a shorter prompt.',
    'too many tokens: size limit exceeded by 123 tokens. Try using shorter or fewer inputs',
    'Input is too long for requested model.',
    'Too many input tokens. Max input tokens: 8192, request input token count: 9001',
    'Input Tokens Exceeded: Number of input tokens exceeds maximum length.',
    'The estimated number of input and maximum output tokens (9000) exceeded this model context window limit (8192).',
    'the number of input tokens 9000 cannot exceed the total tokens limit 8192 for this model',
    'prompt token count of 140000 exceeds the limit of 128000',
    'Request body too large for gpt-4o model. Max size: 8000 tokens.',
    'Prompt length (9000) exceeds maximum input length (8192). Set log level to info',
    'Prompt length 9000 is greater than max_seq_len 4096',
    'The decoder prompt (length 9000) is longer than the maximum model length of 8192.',
    'Input length (9000 tokens) exceeds the maximum allowed length (8192 tokens).',
    'Request prompt has 9000 tokens in total, larger than the model input length limit 8192.',
    'Unable to submit request because the input token count is 9000 but the model only supports up to 8192.',
    'Prompt tokens too long: 5000 > 4096',
    'Your input exceeds the context window of this model. Please adjust your input and try again.',
    'Input tokens exceed the configured limit of 272000 tokens. Your messages resulted in 300000 tokens.',
    "You passed 9000 input tokens and requested 1 output tokens. However, the model's context length is only 8192 tokens",
    'litellm.ContextWindowExceededError: litellm.BadRequestError: no',
    'prompt is too long: 210000 tokens > 200000 maximum',
    'input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000',
    'The input token count (9001) exceeds the maximum number of tokens allowed (8192).',
  ])('as any vendor words it, through any protocol: %s', (message) => {
    expectAll(refused(400, { error: { message } }), 'context_length_exceeded');
    expectAll(refused(413, { message }), 'context_length_exceeded');
    expectAll(failed({ error: { message } }), 'context_length_exceeded');
    expectAll(failed({ error: { message, code: 400 } }), 'context_length_exceeded');
    expectAll(failed({ error: message }), 'context_length_exceeded');
  });

  test.each([
    'model_max_prompt_tokens_exceeded',
    'tokens_limit_reached',
    'prompt_too_long',
    'ContextWindowExceededError',
  ])('by its code %s', (code) => {
    expectAll(refused(413, { error: { message: 'no', code } }), 'context_length_exceeded');
    expectAll(failed({ error: { message: 'no', code } }), 'context_length_exceeded');
  });
});

test.each<[string, object?]>([
  ['max_tokens is too large: 100000. This model supports at most 16384 completion tokens'],
  [
    "'max_tokens' or 'max_completion_tokens' is too large: 5000. This model's maximum context length is 4096 tokens and your request has 100 input tokens (5000 > 4096 - 100).",
  ],
  ['Range of max_tokens should be [1, 8192]'],
  [
    'too many tokens: max tokens must be less than or equal to 4096, the maximum output for this model - received 8192.',
  ],
  ['max_tokens: 100000 > 8192, which is the maximum allowed number of output tokens for claude-3-5-sonnet'],
  ['max_output_tokens exceeds the maximum number of tokens allowed (8192)'],
  [
    '`max_tokens` must be less than or equal to `8192`, the maximum value for `max_tokens` is less than the `context_window`',
  ],
  [
    "Invalid 'tools[0].function.name': string too long. Expected a string with maximum length 64, but got a string with length 70 instead.",
    { code: 'string_above_max_length', param: 'tools[0].function.name' },
  ],
  [
    "Invalid 'metadata.a': string too long. Expected a string with maximum length 512",
    { code: 'string_above_max_length' },
  ],
  ['messages.0.name: String should have at most 64 characters'],
  ['The tool description exceeds the maximum length of 1024 characters'],
  ['stop sequences: input length 17 is invalid'],
])('%s is no prompt that is too long', (message, more = {}) => {
  expectAll(refused(400, { error: { message, ...more } }), 'invalid_value');
});

test('a message of the conversation that is too long is one', () => {
  const error = { message: 'no', code: 'string_above_max_length', param: 'messages[0].content' };
  expectAll(refused(400, { error }), 'context_length_exceeded');
});

describe('a refusal by policy', () => {
  test.each<object>([
    { code: 'data_inspection_failed' },
    { code: 'DataInspectionFailed' },
    { code: 'InternalError.Algo.DataInspectionFailed' },
    { code: '1301' },
    { code: 1301 },
    { code: '1300', type: null },
    { code: 'SensitiveContentDetected.Violence' },
    { code: 'InputTextSensitiveContentDetected', type: 'BadRequest' },
    { type: 'content_filter' },
    { type: 'content_filter', code: 'invalid_request' },
    { code: 'moderation_blocked', type: 'image_generation_user_error' },
    { message: 'litellm.ContentPolicyViolationError: no', code: '400' },
    { message: 'Content Exists Risk', type: 'invalid_request_error', code: 'invalid_request_error' },
    { message: 'Output blocked by content filtering policy', type: 'invalid_request_error' },
    { message: 'Input data may contain inappropriate content.', type: 'invalid_request_error' },
  ])('is one in any words and protocol: %j', (error) => {
    const body = { error: { message: 'no', ...error } };
    expectAll(refused(400, body), 'content_policy_violation');
    expectAll(failed(body), 'content_policy_violation');
    expectAll(failed({ choices: [], ...body }), 'content_policy_violation');
  });

  test('may have status 403, which otherwise is a wrong key', () => {
    const error = { code: 403, message: 'x requires moderation. Your input was flagged for "y".' };
    expectAll(refused(403, { error }), 'content_policy_violation');
    expectAll(refused(403, { error: { code: 403, message: 'no' } }), 'upstream_auth');
  });
});

describe('the codes of vendors', () => {
  test.each([
    ['1261', 'context_length_exceeded'],
    ['1210', 'invalid_value'],
    ['1214', 'invalid_value'],
    ['1002', 'upstream_auth'],
    ['1113', 'upstream_refused'],
    ['1211', 'upstream_refused'],
    ['1302', 'rate_limit_exceeded'],
    ['1234', 'upstream_refused'],
  ])('of Zhipu: %s in an answer is %s', (code, expected) => {
    expectAll(failed({ error: { code, message: 'no' } }), expected);
    expectAll(failed({ error: { code: Number(code), message: 'no' } }), expected);
  });

  test('that are numbers beside a type are not those of Zhipu', () => {
    const limited = { object: 'error', message: 'Rate limit exceeded', type: 'rate_limited', code: '1300' };
    expectAll(failed(limited), 'rate_limit_exceeded');
    expectAll(refused(429, limited), 'rate_limit_exceeded');
  });

  test.each([
    [2013, 'invalid_value'],
    [1026, 'content_policy_violation'],
    [1027, 'content_policy_violation'],
    [1002, 'rate_limit_exceeded'],
    [1039, 'rate_limit_exceeded'],
    [1004, 'upstream_auth'],
    [1008, 'upstream_refused'],
    [1000, 'upstream_refused'],
    [9999, 'upstream_refused'],
  ])('of MiniMax: %i in `base_resp` is %s', (code, expected) => {
    for (const status_code of [code, String(code)]) {
      const base_resp = { status_code, status_msg: 'no' };
      for (const more of [{}, { choices: null }, { choices: [], error: {} }, { choices: [{ index: 0 }] }]) {
        expectAll(failed({ id: 'x', ...more, base_resp }), expected);
      }
    }
    const tooLong = { status_code: 2013, status_msg: 'invalid params, context window exceeds limit (2013)' };
    expectAll(failed({ choices: null, base_resp: tooLong }), 'context_length_exceeded');
  });

  test.each([{ status_code: 0, status_msg: '' }, { status_code: '0' }, { status_code: null }, {}, null, ''])(
    'of MiniMax: `base_resp` %j reports success',
    (base_resp) => {
      expect(errorIn({ choices: [], base_resp })).toBeUndefined();
    },
  );

  test.each([
    ['Throttling.RateQuota', 'rate_limit_exceeded'],
    ['limit_requests', 'rate_limit_exceeded'],
    ['InvalidParameter', 'invalid_value'],
    ['InvalidParameter.Missing', 'invalid_value'],
    ['AccessDenied.Unpurchased', 'upstream_auth'],
    ['Arrearage', 'upstream_refused'],
  ])('of DashScope and Volcengine: %s is %s', (code, expected) => {
    expectAll(failed({ error: { code, message: 'no' } }), expected);
    expectAll(failed({ code, message: 'no', request_id: 'r' }), expected);
  });
});

test.each<object>([
  { detail: [{ loc: ['body', 'n'], msg: 'no', type: 'int_type' }] },
  { object: 'error', message: { detail: [{ loc: ['body', 'n'], msg: 'no', type: 'int_type' }] } },
])('FastAPI names fields of the request, which is at fault: %j', (body) => {
  expectAll(failed(body), 'invalid_value');
  expectAll(refused(422, body), 'invalid_value');
});
