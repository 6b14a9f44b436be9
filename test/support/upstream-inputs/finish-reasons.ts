import type { FinishReason } from '@tailrace/protocol';
import type { UpstreamInput } from './input.ts';
import { call, completion, finish, finishing, openaiInputs, role, text } from './openai-wire.ts';

/** Finish reasons that OpenAI does not have. */

const { stream, json } = openaiInputs('finish reason');
const hello = { text: 'Hello world' };
const mapped = 'a reason of this vendor, in OpenAI’s words';

const vendors: Readonly<Record<string, FinishReason>> = {
  eos: 'stop',
  end_turn: 'stop',
  stop_sequence: 'stop',
  STOP: 'stop',
  model_length: 'length',
  max_tokens: 'length',
  MAX_TOKENS: 'length',
  model_context_window_exceeded: 'length',
  sensitive: 'content_filter',
  SAFETY: 'content_filter',
  refusal: 'content_filter',
};

const nameOf = (reason: string): string =>
  reason === reason.toLowerCase()
    ? reason.replaceAll('_', '-')
    : `${reason.toLowerCase().replaceAll('_', '-')}-upper`;

export const finishReasonInputs: readonly UpstreamInput[] = [
  ...Object.entries(vendors).flatMap(([reason, meaning]) => [
    stream(`reason-${nameOf(reason)}`, [role(), text('Hello world'), finish(reason)], {
      right: { ...hello, finish: meaning },
      differs: { finish: mapped },
    }),
    json(`reason-${nameOf(reason)}-in-json`, completion({ content: 'Hello world' }, finishing(reason)), {
      right: { ...hello, finish: meaning },
      differs: { finish: mapped },
    }),
  ]),
  ...['tool_use', 'function_call', 'tool_calls', 'stop'].map((reason) =>
    stream(
      `reason-of-calls-${nameOf(reason)}`,
      [role(), call({ id: 'a', name: 'get_time', args: '{}' }), finish(reason)],
      {
        right: { calls: [{ name: 'get_time', arguments: {} }] },
        ...(reason === 'tool_calls' ? {} : { differs: { finish: mapped } }),
      },
    ),
  ),
  ...[
    ['null-as-text', 'null'],
    ['empty', ''],
  ].map(([name, none]) =>
    stream(
      `reason-${name}-on-every-chunk`,
      [role(finishing(none)), text('Hello', finishing(none)), text(' world', finishing(none)), finish()],
      { right: hello },
    ),
  ),
  stream('reason-safety-after-text', [role(), text('Hello'), finish('SAFETY')], {
    right: { text: 'Hello', finish: 'content_filter' },
    differs: { finish: mapped },
  }),
  ...['error', 'abort'].map((reason) =>
    stream(`reason-${reason}`, [role(), text('Hello'), finish(reason)], {
      right: { fails: 'upstream_cut' },
      differs: { finish: 'an answer that was broken off', usage: 'an answer that was broken off' },
    }),
  ),
];
