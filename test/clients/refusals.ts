import type { Call } from './client.ts';
import type { Ability } from './client-table.ts';

/** A request that is refused before anything was streamed, and what its sender must be able to read. */
export interface Refusal {
  readonly name: string;
  readonly call: Partial<Call>;
  readonly status: number;
  readonly code: string;
  readonly type: string;
  readonly param: string | null;
  readonly needs?: Ability;
}

export const question = [{ role: 'user', content: 'Write one sentence about rivers.' }];

const asking = (fields: Readonly<Record<string, unknown>>): Partial<Call> => ({
  request: { model: 'default', messages: question, max_tokens: 8, ...fields },
});
const saying = (content: string): Partial<Call> => asking({ messages: [{ role: 'user', content }] });

const bad = { status: 400, type: 'invalid_request_error' } as const;

export const refusals: readonly Refusal[] = [
  {
    name: 'a key that was not issued',
    call: { ...asking({}), apiKey: 'tr_nobody_issued_this' },
    status: 401,
    code: 'invalid_api_key',
    type: 'authentication_error',
    param: null,
  },
  {
    name: 'a model that is not served',
    call: asking({ model: 'acme/none' }),
    status: 404,
    code: 'model_not_found',
    type: 'not_found_error',
    param: 'model',
  },
  {
    ...bad,
    name: 'a value out of range',
    call: asking({ temperature: 3 }),
    code: 'invalid_value',
    param: 'temperature',
  },
  {
    ...bad,
    name: 'a value of the wrong type',
    call: asking({ top_p: 'high' }),
    code: 'invalid_type',
    param: 'top_p',
    needs: 'loose-bodies',
  },
  {
    ...bad,
    name: 'a message without its content',
    call: asking({ messages: [...question, { role: 'user' }] }),
    code: 'missing_parameter',
    param: 'messages[1].content',
    needs: 'loose-bodies',
  },
  {
    ...bad,
    name: 'a field the engine does not know',
    call: asking({ frobnicate: 1 }),
    code: 'unsupported_parameter',
    param: 'frobnicate',
    needs: 'unknown-fields',
  },
  {
    ...bad,
    name: 'a prompt longer than the context',
    call: saying('river '.repeat(6000)),
    code: 'context_length_exceeded',
    param: 'messages',
  },
  {
    name: 'a body over the limit',
    call: saying('river '.repeat(60_000)),
    status: 413,
    code: 'body_too_large',
    type: 'invalid_request_error',
    param: null,
  },
  {
    name: 'a rate limit',
    call: asking({ model: 'lab/rate-limited' }),
    status: 429,
    code: 'rate_limit_exceeded',
    type: 'rate_limit_error',
    param: null,
  },
  {
    name: 'an upstream that refuses',
    call: asking({ model: 'lab/refused' }),
    status: 502,
    code: 'upstream_refused',
    type: 'upstream_error',
    param: null,
  },
  {
    name: 'an upstream that falls silent',
    call: asking({ model: 'lab/stalled' }),
    status: 504,
    code: 'stall_timeout',
    type: 'timeout_error',
    param: null,
  },
];
