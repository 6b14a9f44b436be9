import type { UpstreamInput } from './input.ts';
import { call, delta, done, finish, finishing, openaiInputs, role, text, usage } from './openai-wire.ts';

/** A finish that is none: output follows it. */

const { raw, stream } = openaiInputs('early finish');
const hello = { text: 'Hello world' };
const callsAB = [
  { name: 'get_weather', arguments: {} },
  { name: 'get_time', arguments: {} },
];
const weather = { index: 0, id: 'a', name: 'get_weather', args: '{}' };
const time = { index: 1, id: 'b', name: 'get_time', args: '{}' };

export const finishInputs: readonly UpstreamInput[] = [
  stream('finish-beside-the-role', [role(finishing()), text('Hello'), text(' world'), finish()], {
    right: hello,
  }),
  stream(
    'finish-on-every-chunk',
    [text('Hel', finishing()), text('lo', finishing()), text(' world', finishing())],
    { right: hello },
  ),
  stream(
    'finish-on-each-call',
    [call(weather, finishing('tool_calls')), call(time, finishing('tool_calls'))],
    { right: { calls: callsAB } },
  ),
  stream('finish-beside-the-role-alone', [role(finishing()), text('Hello'), text(' world')], {
    right: hello,
  }),
  stream(
    'finish-before-the-text',
    [role(), finish(), text('Hello'), finish(null), text(' world'), finish()],
    { right: hello },
  ),
  stream('finish-before-all', [finish(), role(), text('Hello'), text(' world'), finish()], { right: hello }),
  stream(
    'finish-length-then-stop',
    [role(), text('Hello', finishing('length')), text(' world'), finish('stop')],
    { right: hello },
  ),
  stream('finish-stop-then-length', [role(), text('Hello', finishing()), text(' world'), finish('length')], {
    right: { ...hello, finish: 'length' },
  }),
  stream(
    'finish-on-every-thought',
    [
      delta({ reasoning_content: 'I greet' }, finishing()),
      delta({ reasoning_content: ' them.' }, finishing()),
      text('Hello', finishing()),
      text(' world', finishing()),
    ],
    { right: { ...hello, reasoning: 'I greet them.' } },
  ),
  stream(
    'finish-between-text-and-call',
    [text('Hello world', finishing()), call(weather), finish('tool_calls')],
    {
      right: { ...hello, calls: callsAB.slice(0, 1) },
    },
  ),
  stream(
    'finish-stop-on-each-call',
    [role(), call(weather, finishing()), call(time, finishing())],
    // A finish of `stop` after calls means that the client has to answer them.
    { right: { calls: callsAB }, differs: { finish: 'stop after calls becomes tool_calls' } },
  ),
  stream(
    'finish-between-pieces-of-a-call',
    [
      call({ id: 'a', name: 'get_weather', args: '{"city"' }, finishing('tool_calls')),
      call({ args: ':"Bern"}' }, finishing('tool_calls')),
    ],
    { right: { calls: [{ name: 'get_weather', arguments: { city: 'Bern' } }] } },
  ),
  raw(
    'finish-and-usage-on-every-chunk',
    [
      text('Hello', finishing()),
      usage({ prompt_tokens: 7, completion_tokens: 1, total_tokens: 8 }),
      text(' world', finishing()),
      usage(),
      done,
    ],
    { right: hello },
  ),
  raw(
    'finish-beside-the-role-and-no-done',
    [role(finishing()), text('Hello'), text(' world'), finish(), usage()],
    { right: hello },
  ),
  raw('finish-twice', [role(), text('Hello world'), finish(), finish(), usage(), done], { right: hello }),
  raw('text-after-the-finish-and-no-done', [role(), text('Hello'), finish(), text(' world')], {
    right: { fails: 'upstream_cut' },
    differs: cutAfterFinish(),
  }),
  raw(
    'call-after-the-finish-and-no-done',
    [role(), text('Hello'), finish(), call({ id: 'a', name: 'get_weather', args: '{"city"' })],
    { right: { fails: 'upstream_cut' }, differs: cutAfterFinish() },
  ),
  stream(
    'finish-on-every-chunk-and-an-index-that-counts',
    [0, 1, 2, 3].map((index) =>
      text(['Hel', 'lo', ' wor', 'ld'][index] ?? '', { index, finish_reason: 'stop' }),
    ),
    { right: hello },
  ),
  stream(
    'finish-on-each-call-under-one-index',
    [
      call({ ...weather, id: '' }, finishing('tool_calls')),
      call({ ...time, index: 0, id: '' }, finishing('tool_calls')),
    ],
    { right: { calls: callsAB }, differs: { calls: 'the SDK joins what is under one index' } },
  ),
  raw('finish-beside-the-role-and-nothing', [role(finishing())], {
    right: { text: '', usage: 'estimated' },
  }),
];

function cutAfterFinish() {
  return { finish: 'output after the finish, and then neither a finish nor [DONE]: the stream is cut' };
}
