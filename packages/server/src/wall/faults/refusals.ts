import type { JsonValue } from '../../domain/json.ts';
import type { AfterPlay, Fault, FaultControls, Play } from '../fault.ts';
import { errorAnswer, fixedAnswer, head, jsonAnswer } from '../http-bytes.ts';
import { alwaysWhole, callersFault, failsBeforeCommit } from '../outcomes.ts';
import { answered, forEverMs, playHealthy } from '../play-stream.ts';
import type { WallChatRequest } from '../wall-chat-request.ts';
import { contextWordings } from './context-wordings.ts';

/** Answers every request with these bytes. */
function answers(bytes: (controls: FaultControls, ask: WallChatRequest) => string): Play {
  return (connection, ask, controls) => answered(connection, bytes(controls, ask));
}

const tooMany = {
  error: { message: 'Too many requests.', type: 'rate_limit_error', param: null, code: null },
};

/** The header for each word of the parameter. */
function oddWaits(nowMs: number): Readonly<Record<string, string>> {
  return {
    negative: '-5',
    past: new Date(nowMs - 3_600_000).toUTCString(),
    absurd: '9'.repeat(400),
    words: 'soon',
  };
}

function brokenOnce(status: string, breaks: (controls: FaultControls) => boolean): Play {
  return async (connection, ask, controls) => {
    if (!breaks(controls)) return playHealthy(connection, ask, controls);
    return answered(connection, errorAnswer(status, 'server_error', null, 'The server had an error.'));
  };
}

/** Answers that are no stream. */
export const refusals: readonly Fault[] = [
  {
    name: '429-seconds',
    description: '429 for ever, with Retry-After in whole seconds.',
    parameter: { kind: 'count', default: 1, max: 3600, means: 'seconds to wait' },
    play: answers(({ count }) =>
      jsonAnswer('429 Too Many Requests', tooMany, [['Retry-After', String(count)]]),
    ),
    expected: failsBeforeCommit(429, 'rate_limit_exceeded'),
  },
  {
    name: '429-date',
    description: '429 for ever, with Retry-After as an HTTP date.',
    parameter: { kind: 'count', default: 2, max: 3600, means: 'seconds from now' },
    play: answers(({ count, now }) =>
      jsonAnswer('429 Too Many Requests', tooMany, [
        ['Retry-After', new Date(now() + count * 1000).toUTCString()],
      ]),
    ),
    expected: failsBeforeCommit(429, 'rate_limit_exceeded'),
  },
  {
    name: '429-odd',
    description: '429 for ever, with a Retry-After that cannot be used.',
    parameter: {
      kind: 'word',
      words: ['negative', 'past', 'absurd', 'words'],
      means: 'what the header holds',
    },
    play: answers(({ word, now }) =>
      jsonAnswer('429 Too Many Requests', tooMany, [['Retry-After', oddWaits(now())[word] ?? '']]),
    ),
    expected: failsBeforeCommit(429, 'rate_limit_exceeded'),
  },
  {
    name: '500-once',
    description: '500 to the first request with these messages, healthy answers to those after it.',
    play: brokenOnce('500 Internal Server Error', ({ askedWithThesePrompts }) => askedWithThesePrompts === 1),
    expected: alwaysWhole,
  },
  {
    name: 'flapping',
    description: '500 to every second request, beginning with the first; healthy answers to the others.',
    play: brokenOnce('500 Internal Server Error', ({ asked }) => asked % 2 === 1),
    expected: alwaysWhole,
  },
  {
    name: '503',
    description: '503 for ever, without Retry-After.',
    play: answers(() => errorAnswer('503 Service Unavailable', 'server_error', null, 'Overloaded.')),
    expected: failsBeforeCommit(502, 'upstream_refused'),
  },
  {
    name: '503-hang',
    description: '503 with the beginning of a body, then silence.',
    play: async (connection, _ask, { wait }): Promise<AfterPlay> => {
      const headers = [
        ['Content-Type', 'application/json'],
        ['Content-Length', '1000'],
      ] as const;
      await connection.write(`${head('503 Service Unavailable', headers)}{"error": {"mess`);
      await wait(forEverMs);
      return 'close';
    },
    // The status is enough: a relay does not wait long for the body of a refusal.
    expected: failsBeforeCommit(502, 'upstream_refused'),
  },
  {
    name: '500-then-hang',
    description: '500 to the first requests with these messages, silence to those after it.',
    parameter: { kind: 'count', default: 1, max: 1000, means: 'requests that are refused' },
    play: async (connection, _ask, { askedWithThesePrompts, count, wait }): Promise<AfterPlay> => {
      if (askedWithThesePrompts <= count) {
        return answered(connection, errorAnswer('500 Internal Server Error', 'server_error', null, 'Down.'));
      }
      await wait(forEverMs);
      return 'close';
    },
    expected: failsBeforeCommit(504, 'first_token_timeout'),
  },
  {
    name: '401',
    description: '401: the key is wrong.',
    play: answers(() =>
      errorAnswer('401 Unauthorized', 'invalid_request_error', 'invalid_api_key', 'Wrong key.'),
    ),
    expected: failsBeforeCommit(502, 'upstream_auth'),
  },
  {
    name: '402',
    description: '402: the credit is used up.',
    play: answers(() => errorAnswer('402 Payment Required', 'billing_error', null, 'Insufficient balance.')),
    expected: failsBeforeCommit(502, 'upstream_refused'),
  },
  {
    name: '403',
    description: '403: the key may not use the model.',
    play: answers(() => errorAnswer('403 Forbidden', 'permission_error', null, 'Not for this key.')),
    expected: failsBeforeCommit(502, 'upstream_auth'),
  },
  {
    name: '404',
    description: '404: there is no such model.',
    play: answers(() =>
      errorAnswer('404 Not Found', 'invalid_request_error', 'model_not_found', 'No such model.'),
    ),
    expected: failsBeforeCommit(502, 'upstream_refused'),
  },
  {
    name: '400-context',
    description: '400: the prompt is longer than the context, in the wording of one vendor.',
    parameter: { kind: 'word', words: contextWordings.names, means: 'whose wording' },
    play: answers(({ word }) => jsonAnswer('400 Bad Request', contextWordings.bodyOf(word))),
    expected: callersFault(400, 'context_length_exceeded'),
  },
  {
    name: '400',
    description: '400: a field has a value that the server does not take.',
    play: answers(() => {
      const error: JsonValue = {
        message: 'temperature: expected at most 1.',
        type: 'invalid_request_error',
        param: 'temperature',
        code: 'invalid_value',
      };
      return jsonAnswer('400 Bad Request', { error });
    }),
    expected: callersFault(400, 'invalid_value'),
  },
  {
    name: '200-json-error',
    description: '200 with an error as JSON body.',
    play: answers(() => errorAnswer('200 OK', 'server_error', null, 'The model crashed.')),
    expected: failsBeforeCommit(502, 'upstream_refused'),
  },
  {
    name: '200-html',
    description: '200 with a page of HTML, as captive portals and wrong base URLs give.',
    play: answers(() =>
      fixedAnswer(
        '200 OK',
        'text/html; charset=utf-8',
        '<!doctype html><title>Welcome</title><p>Please log in.',
      ),
    ),
    expected: failsBeforeCommit(502, 'upstream_protocol'),
  },
  {
    name: 'redirect',
    description: '307 to the same path under another name of this machine.',
    play: answers(() =>
      fixedAnswer('307 Temporary Redirect', 'text/plain', 'Elsewhere.', [
        ['Location', 'http://localhost:9/v1/chat/completions'],
      ]),
    ),
    // Redirects are not followed; like a 404 it means that the target is not at this address.
    expected: failsBeforeCommit(502, 'upstream_refused'),
  },
];
