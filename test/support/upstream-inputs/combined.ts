import type { UpstreamInput } from './input.ts';
import {
  call,
  callPiece,
  completion,
  done,
  finish,
  finishing,
  openaiInputs,
  role,
  text,
  usage,
} from './openai-wire.ts';

/** Several oddities in one answer. */

const framing = openaiInputs('framing');
const shared = openaiInputs('calls under one index');
const named = openaiInputs('name in pieces');
const form = openaiInputs('status or form');

const hello = { text: 'Hello world' };
const both = {
  calls: [
    { name: 'get_weather', arguments: { a: 1 } },
    { name: 'get_time', arguments: { b: 2 } },
  ],
};
const oneLf = (events: readonly string[]): readonly string[] => events.map((event) => event.slice(0, -1));

export const combinedInputs: readonly UpstreamInput[] = [
  framing.raw(
    'one-lf-and-a-finish-on-every-chunk',
    oneLf([role(finishing()), text('Hello', finishing()), text(' world', finishing()), usage(), done]),
    { right: hello },
  ),
  framing.raw(
    'one-lf-and-heartbeats-and-an-index-that-counts',
    oneLf([
      'data: heartbeat\n\n',
      ...['Hel', 'lo', ' world'].map((content, index) => text(content, { index })),
      'data: heartbeat\n\n',
      finish('stop', { index: 3 }),
      usage(),
      done,
    ]),
    { right: hello },
  ),
  shared.raw(
    'one-lf-and-calls-under-one-index',
    oneLf([
      role(),
      call({ id: '', name: 'get_weather', args: '{"a":1}' }, finishing('tool_calls')),
      call({ id: '', name: 'get_time', args: '{"b":2}' }, finishing('tool_calls')),
      usage(),
      done,
    ]),
    { right: both },
  ),
  named.stream(
    'name-in-pieces-under-an-index-that-counts',
    [
      call({ id: 'a', name: 'get_', args: '' }, { index: 0 }),
      call({ name: 'weather', args: '' }, { index: 1 }),
      call({ args: '{}' }, { index: 2 }),
      call({ args: '{"a":1}' }, { index: 3 }),
      finish('function_call', { index: 4 }),
    ],
    {
      right: { calls: both.calls.slice(0, 1) },
      differs: {
        calls: 'the SDK joins arguments that are said twice',
        finish: 'function_call is tool_calls',
      },
    },
  ),
  form.json(
    'calls-without-ids-in-json-under-201',
    completion(
      {
        content: 'Hello world',
        tool_calls: [
          callPiece({ index: 'absent', name: 'get_weather', args: { a: 1 } }),
          callPiece({ index: 'absent', name: 'get_time', args: '{"b":2}' }),
        ],
      },
      { index: 1, finish_reason: 'tool_use' },
    ),
    { status: 201, right: { ...hello, ...both }, differs: { finish: 'tool_use is tool_calls' } },
  ),
];
