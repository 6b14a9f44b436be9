import type { UpstreamInput } from './input.ts';
import { call, chunk, completion, delta, finish, openaiInputs, role, text } from './openai-wire.ts';

/** An index that the request did not ask for: one choice, and its index is not 0. */

const { stream, json } = openaiInputs('foreign index');
const hello = { text: 'Hello world' };
const at = (index: unknown) => ({ index });
const twoChoices = 'two choices with output in one event, and the request asked for one';

const everyIndex = (name: string, index: unknown): UpstreamInput =>
  stream(
    name,
    [role(at(index)), text('Hello', at(index)), text(' world', at(index)), finish('stop', at(index))],
    {
      right: hello,
    },
  );

export const indexInputs: readonly UpstreamInput[] = [
  stream(
    'index-counts-chunks',
    [role(at(0)), text('Hello', at(1)), text(' world', at(2)), finish('stop', at(3))],
    {
      right: hello,
    },
  ),
  everyIndex('index-from-one', 1),
  everyIndex('index-as-text', '0'),
  stream(
    'index-apart-from-the-finish',
    [text('Hel', at(0)), text('lo', at(1)), text(' world', at(2)), finish()],
    {
      right: hello,
    },
  ),
  json('index-one-in-json', completion({ content: 'Hello world' }, at(1)), { right: hello }),
  everyIndex('index-one-as-text', '1'),
  everyIndex('index-absent', undefined),
  everyIndex('index-null', null),
  everyIndex('index-negative', -1),
  everyIndex('index-large', 4096),
  stream('index-of-the-finish', [role(), text('Hello'), text(' world'), finish('stop', at(1))], {
    right: hello,
  }),
  stream(
    'index-counts-calls',
    [
      call({ id: 'a', name: 'get_weather', args: '{"a":1}' }, at(0)),
      call({ index: 1, id: 'b', name: 'get_time', args: '{"b":2}' }, at(1)),
      finish('tool_calls', at(0)),
    ],
    {
      right: {
        calls: [
          { name: 'get_weather', arguments: { a: 1 } },
          { name: 'get_time', arguments: { b: 2 } },
        ],
      },
    },
  ),
  stream(
    'index-of-thoughts',
    [delta({ reasoning_content: 'I greet.' }, at(0)), text('Hello world', at(1)), finish('stop', at(1))],
    { right: { ...hello, reasoning: 'I greet.' } },
  ),
  stream(
    'index-of-an-empty-second-choice',
    [
      chunk([
        { index: 0, delta: { content: 'Hello world' }, finish_reason: null },
        { index: 1, delta: { content: '' }, finish_reason: null },
      ]),
      finish(),
    ],
    { right: hello },
  ),
  json('index-as-text-in-json', completion({ content: 'Hello world' }, at('0')), { right: hello }),
  json('index-absent-in-json', completion({ content: 'Hello world' }, at(undefined)), { right: hello }),
  stream(
    'two-choices-in-one-event',
    [
      chunk([
        { index: 0, delta: { content: 'Hello' }, finish_reason: null },
        { index: 1, delta: { content: 'Goodbye' }, finish_reason: null },
      ]),
      finish(),
      finish('stop', at(1)),
    ],
    {
      right: { fails: 'upstream_protocol', status: 502 },
      differs: { text: twoChoices, finish: twoChoices, usage: twoChoices },
    },
  ),
  json(
    'two-choices-in-json',
    {
      ...completion({}),
      choices: ['Hello', 'Goodbye'].map((content, index) => ({
        index,
        message: { role: 'assistant', content },
        finish_reason: 'stop',
      })),
    },
    {
      right: { fails: 'upstream_protocol', status: 502 },
      differs: { text: twoChoices, finish: twoChoices, usage: twoChoices },
    },
  ),
];
