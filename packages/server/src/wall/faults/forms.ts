import type { JsonObject } from '../../domain/json.ts';
import type { Fault } from '../fault.ts';
import { healthyAnswer } from '../healthy-answer.ts';
import { completionObject, frame, inOrder } from '../healthy-stream.ts';
import { eventStreamHeaders, head, jsonAnswer } from '../http-bytes.ts';
import { alwaysWhole, callersFault, failsBeforeCommit } from '../outcomes.ts';
import { answered, streamed } from '../play-stream.ts';

/** Answers under another status or in another form than was asked for, and errors in a 200. */

const names: Readonly<Record<string, string>> = {
  '201': '201 Created',
  '202': '202 Accepted',
  '203': '203 Non-Authoritative Information',
};

/** By word: the event that names the caller's mistake. */
const mistakes: Readonly<Record<string, string>> = {
  code: errorFrame({ type: 'invalid_request_error', param: null, code: 'invalid_value' }),
  number: errorFrame({ code: 400 }),
  flat: frame({ object: 'error', message: 'The request is wrong.', type: 'BadRequestError', code: 400 }),
  named: `event: error\n${errorFrame({ type: 'invalid_request_error' })}`,
};

export const forms: readonly Fault[] = [
  {
    name: 'status-2xx',
    description: 'A healthy stream under another status of success.',
    parameter: { kind: 'word', words: ['201', '202', '203'], means: 'the status' },
    play: streamed((stream, { word }) => ({
      head: head(names[word] ?? word, [...eventStreamHeaders, ['Transfer-Encoding', 'chunked']]),
      pieces: inOrder(stream),
      end: 'whole',
    })),
    expected: alwaysWhole,
  },
  {
    name: 'json-answer',
    description: 'A healthy answer as one JSON object, where a stream was asked for.',
    play: (connection, ask, { serial, now }) =>
      answered(connection, jsonAnswer('200 OK', completionObject(healthyAnswer(ask, serial, now())))),
    expected: alwaysWhole,
  },
  {
    name: 'error-in-200',
    description: 'A stream whose first event says that the caller made a mistake.',
    parameter: {
      kind: 'word',
      words: ['code', 'number', 'flat', 'named'],
      means:
        'its form: with a code, with 400 as number, without the outer object, or as an event named error',
    },
    play: streamed((_stream, { word }) => ({ pieces: [mistakes[word] ?? ''], end: 'whole' })),
    expected: callersFault(400, 'invalid_value'),
  },
  {
    name: 'limit-in-200',
    description: 'A stream whose first event says that there were too many requests.',
    play: streamed(() => ({
      pieces: [errorFrame({ type: 'rate_limit_error', code: 429 })],
      end: 'whole',
    })),
    expected: failsBeforeCommit(429, 'rate_limit_exceeded'),
  },
];

function errorFrame(fields: JsonObject): string {
  return frame({ error: { message: 'The request is wrong.', ...fields } });
}
