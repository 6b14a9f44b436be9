import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { fakeChatRequest } from '../../domain/fake-chat-request.ts';
import { chunked, startFakeOrigin } from '../../transport/fake-origin.ts';
import { describeUpstream, type UpstreamScenario } from '../contract.suite.ts';
import { createCohereUpstream } from './fake-provider.ts';

const frame = (type: string, delta: object = {}) =>
  `event: ${type}\ndata: ${JSON.stringify({ type, index: 0, delta })}\n\n`;
const begin = frame('message-start', { message: { role: 'assistant' } });
const content = (piece: object) => frame('content-delta', { message: { content: piece } });
const words = (text: string) => (text.match(/\S+\s*/g) ?? []).map((word) => content({ text: word }));
const call = (name: string, ...pieces: readonly string[]) => [
  frame('tool-call-start', { message: { tool_calls: { id: name, function: { name, arguments: '' } } } }),
  ...pieces.map((piece) =>
    frame('tool-call-delta', { message: { tool_calls: { function: { arguments: piece } } } }),
  ),
  frame('tool-call-end'),
];
const end = (reason: string) =>
  frame('message-end', {
    finish_reason: reason,
    usage: { tokens: { input_tokens: 5, output_tokens: 7 } },
  });

/** The provider's answer for each scenario, one element for each read; undefined where its API has none. */
const answers: Readonly<Record<UpstreamScenario, readonly string[] | undefined>> = {
  text: [begin, ...words('The mill turns as long as the water runs.'), end('COMPLETE')],
  'other text': [begin, ...words('Nothing but the truth.'), end('COMPLETE')],
  long: [begin, ...Array.from({ length: 100 }, () => content({ text: ' on' })), end('COMPLETE')],
  silent: [],
  stalls: [begin, content({ text: 'once' })],
  'two choices': undefined,
  reasoning: [
    begin,
    content({ thinking: 'hm' }),
    ...words('yes'),
    content({ thinking: 'late' }),
    end('COMPLETE'),
  ],
  'other output': [
    begin,
    ...words('see'),
    content({ image: { url: 'a' } }),
    ...words('there'),
    end('COMPLETE'),
  ],
  'tool calls': [begin, ...call('f', '{"a"', ':1}'), ...call('g'), end('COMPLETE')],
  'fails at once': [begin, end('ERROR')],
  'fails midway': [begin, content({ text: 'half of' }), end('ERROR')],
};
const staysOpen: readonly string[] = ['silent', 'stalls'];

describeUpstream('a new provider', async () => {
  const origin = await startFakeOrigin(async ({ body, socket }) => {
    const scenario = Object.keys(answers).find((name) => body.includes(`\\"${name}\\"`)) as UpstreamScenario;
    socket.write(chunked([], false));
    for (const piece of answers[scenario] ?? []) {
      await new Promise((resolve) => setImmediate(resolve));
      if (socket.destroyed) return;
      socket.write(`${Buffer.byteLength(piece).toString(16)}\r\n${piece}\r\n`);
    }
    if (!staysOpen.includes(scenario)) socket.write('0\r\n\r\n');
  });
  const created = await createCohereUpstream({
    name: 'lab',
    config: { kind: 'openai', baseUrl: origin.url.origin, apiKeys: ['key'], headers: {} },
    env: {},
    connectMs: 5_000,
    maxEventBytes: 64 * 1024,
  });
  if (!created.ok) throw new Error(created.problems.join('\n'));
  const { upstream } = created;
  return {
    upstream,
    call: (scenario) =>
      answers[scenario] === undefined
        ? { cannot: 'the API has no n' }
        : { request: fakeChatRequest(scenario), model: 'm', keyId: 'k', completionId: 'chatcmpl-1' },
    async released() {
      while (upstream.stats.busy > 0) await new Promise((resolve) => setImmediate(resolve));
    },
    async close() {
      upstream.close();
      await origin.close();
    },
  };
});

test('a new provider takes fewer than 150 lines', () => {
  const source = readFileSync(new URL('fake-provider.ts', import.meta.url), 'utf8');
  expect(source.split('\n').length).toBeLessThan(150);
});
