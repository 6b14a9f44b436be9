/** Another Tailrace behind the gateway, reached as any OpenAI-compatible server: the real model, and a script. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { endlessText } from '../support/endless-text.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { expectTrueStream } from '../support/stream-check.ts';
import { until } from '../support/until.ts';
import { type Fields, streamedAnswer, type Wire, wholeAnswer } from './answer.ts';
import { user } from './engine-cases.ts';
import { describeEngine, type RealEngine } from './engine-suite.ts';

function asEngine(server: TestServer, model: string): RealEngine {
  return {
    baseUrl: `${server.baseUrl}/v1`,
    apiKey: server.apiKey,
    model,
    kill: () => server.kill(),
    stop: () => server.stop(),
  };
}

let engines: TestServer[] = [];

describeEngine(
  {
    name: 'Another Tailrace',
    needs: 'its model is the default one',
    present: true,
    async start() {
      const server = await startServer({ model: 'default', sequences: 2 });
      engines = [...engines, server];
      return asEngine(server, 'smollm2-135m-instruct');
    },
    unknownModel: [502, 'upstream_refused'],
    tooLong: 'refused',
    refused: [{ no_such_field: 1 }, 400, 'unsupported_parameter'],
    thinks: true,
    calls: 'one',
  },
  (running) => {
    test('a stream that its client leaves ends at the engine too', async () => {
      const abort = new AbortController();
      const fields = {
        messages: user('Write a very long story about a river.'),
        max_tokens: 1_500,
        ...endlessText,
      };
      const response = await running().through({ ...fields, stream: true }, abort.signal);
      await response.body?.getReader().read();
      expect(await liveStreams()).toBe(1);
      abort.abort();
      await until('the engine to have ended the stream', 20_000, async () =>
        (await liveStreams()) === 0 ? true : undefined,
      );
    });
  },
);

async function liveStreams(): Promise<number> {
  let live = 0;
  for (const { baseUrl, adminKey } of engines) {
    const headers = { authorization: `Bearer ${adminKey}` };
    const response = await fetch(`${baseUrl}/admin/v1/streams?limit=1000`, { headers });
    live += ((await response.json()) as { data: readonly unknown[] }).data.length;
  }
  return live;
}

describe('output that no small model produces on demand', () => {
  const steps = [
    { reasoning: ['hm, ', 'größe'] },
    { text: ['A call: ', '😀'] },
    { tool_call: { name: 'forecast', arguments: { city: 'Köln' }, pieces: 3 } },
    { finish: 'tool_calls' },
  ];
  let scripted: TestServer;
  let gateway: TestServer;

  beforeAll(async () => {
    scripted = await startServer({
      model: 'none',
      config: {
        upstreams: { script: { kind: 'scripted', script: './answers.yaml' } },
        models: { thinker: { targets: [{ upstream: 'script', model: 'thinker' }] } },
      },
      files: { 'answers.yaml': { answers: [{ when: { model: 'thinker' }, steps }] } },
    });
    gateway = await startServer({
      model: 'none',
      config: {
        upstreams: {
          other: { kind: 'openai', base_url: `${scripted.baseUrl}/v1`, api_key: scripted.apiKey },
        },
        models: { thinker: { targets: [{ upstream: 'other', model: 'thinker' }] } },
      },
    });
  });

  afterAll(async () => {
    await gateway?.stop();
    await scripted?.stop();
  });

  const ask = (server: TestServer, fields: Fields) =>
    fetch(`${server.baseUrl}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${server.apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'thinker', messages: user('Hello.'), ...fields }),
    });

  test('thoughts, text and a call pass a second Tailrace unchanged', async () => {
    const direct = wholeAnswer((await (await ask(scripted, {})).json()) as Wire);
    expect(direct).toMatchObject({
      reasoning: 'hm, größe',
      text: 'A call: 😀',
      calls: [{ name: 'forecast', arguments: { city: 'Köln' } }],
      finish: 'tool_calls',
    });
    expect(wholeAnswer((await (await ask(gateway, {})).json()) as Wire)).toEqual(direct);
    const body = Buffer.from(await (await ask(gateway, { stream: true })).arrayBuffer());
    expect(expectTrueStream(body).complete).toBe(true);
    expect(streamedAnswer(body)).toEqual(direct);
  });
});
