import type { UpstreamInput } from './input.ts';
import { completion, done, event, finish, openaiInputs, role, text, usage } from './openai-wire.ts';

/** An answer under another status or in another form than was asked for, and errors in a 200. */

const { raw, stream, json } = openaiInputs('status or form');
const hello = { text: 'Hello world' };
const good = [role(), text('Hello'), text(' world'), finish()];

const error = (fields: object) => ({ error: { message: 'It failed.', ...fields } });
const callersMistake = error({ type: 'invalid_request_error', param: null, code: 'invalid_value' });

export const formInputs: readonly UpstreamInput[] = [
  ...[201, 202, 203].map((status) => stream(`status-${status}`, good, { status, right: hello })),
  json('status-201-in-json', completion({ content: 'Hello world' }), { status: 201, right: hello }),
  json('json-for-a-stream', completion({ content: 'Hello world' }), { right: hello }),
  json('json-as-event-stream', completion({ content: 'Hello world' }), {
    contentType: 'text/event-stream',
    right: hello,
  }),
  stream('stream-as-json', good, { contentType: 'application/json', right: hello }),
  stream('stream-as-plain-text', good, { contentType: 'text/plain', right: hello }),
  raw('callers-mistake-in-a-200', [event(callersMistake)], {
    right: { fails: 'invalid_value', status: 400 },
  }),
  raw('callers-mistake-and-done', [event(callersMistake), done], {
    right: { fails: 'invalid_value', status: 400 },
  }),
  raw('callers-mistake-after-the-role', [role(), event(callersMistake), done], {
    right: { fails: 'invalid_value', status: 400 },
  }),
  raw('callers-mistake-as-named-event', [`event: error\n${event(callersMistake)}`], {
    right: { fails: 'invalid_value', status: 400 },
  }),
  raw(
    'context-too-long-in-a-200',
    [event(error({ type: 'invalid_request_error', code: 'context_length_exceeded' }))],
    {
      right: { fails: 'context_length_exceeded', status: 400 },
    },
  ),
  raw('mistake-by-number-in-a-200', [event(error({ code: 400 }))], {
    right: { fails: 'invalid_value', status: 400 },
  }),
  raw(
    'mistake-by-flat-body-in-a-200',
    [event({ object: 'error', message: 'It failed.', type: 'BadRequestError', code: 400 })],
    { right: { fails: 'invalid_value', status: 400 }, differs: {} },
  ),
  raw('rate-limit-in-a-200', [event(error({ type: 'rate_limit_error', code: 429 }))], {
    right: { fails: 'rate_limit_exceeded', status: 429 },
  }),
  raw('wrong-key-in-a-200', [event(error({ type: 'authentication_error', code: 401 }))], {
    right: { fails: 'upstream_auth', status: 502 },
  }),
  raw('broken-server-in-a-200', [event(error({ type: 'server_error', code: 500 }))], {
    right: { fails: 'upstream_refused', status: 502 },
  }),
  json('callers-mistake-in-a-json-200', callersMistake, { right: { fails: 'invalid_value', status: 400 } }),
  raw('error-after-text', [role(), text('Hello'), event(error({ type: 'server_error' })), done], {
    right: { fails: 'upstream_refused' },
  }),
  raw('error-that-is-null', [role(), event({ error: null }), text('Hello world'), finish(), usage(), done], {
    right: hello,
  }),
];
