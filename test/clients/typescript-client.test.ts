// The TypeScript client against the real server: streams over a network that breaks, and programs in the forms that people write for
// OpenAI's client, with only the import, the address and the key changed. The programs of READMEs are in readmes.test.ts, as they are.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Tailrace } from '../../packages/client/src/index.ts';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';
import { labFiles, labModels, labUpstreams, oneAttempt } from '../support/lab.ts';
import { startServer, type TestServer } from '../support/server.ts';

const answer = 'Rivers carry water downhill.';
const steady = 'drop '.repeat(20);

/** Model ids that the programs below name. */
const named = ['gpt-5.5', 'llama3.2', 'openai/gpt-4o', 'deepseek-chat', 'grok-4'];

let server: TestServer;
let proxy: FaultProxy;
beforeAll(async () => {
  server = await startServer({
    model: 'none',
    config: {
      ...oneAttempt,
      upstreams: labUpstreams,
      models: {
        ...labModels,
        ...Object.fromEntries(named.map((id) => [id, { targets: [{ upstream: 'lab', model: 'plain' }] }])),
      },
    },
    files: labFiles,
  });
  proxy = await startFaultProxy(server.port);
});
afterAll(async () => {
  await proxy.close();
  await server.stop();
});

const user = [{ role: 'user' as const, content: 'Hello' }];
const clientAt = (port: number): Tailrace =>
  new Tailrace({ baseURL: `http://127.0.0.1:${port}/v1`, apiKey: server.apiKey });

describe('over a network that breaks', () => {
  test.each([
    { every: 7, operations: ['read'], how: 'reset' },
    { every: 5, operations: ['read'], how: 'torn' },
    { every: 3, operations: ['write'], how: 'torn' },
    { every: 9, operations: ['read', 'write'], how: 'reset' },
  ] as const)('each $every-th of $operations ends in $how, and every text is exact', async (plan) => {
    const client = clientAt(proxy.port);
    proxy.plan(plan);
    try {
      const texts = await Promise.all(
        Array.from({ length: 4 }, async () => {
          const options = { maxRetries: 20, maxReconnects: 100 };
          const stream = client.chat.completions.stream({ model: 'lab/steady', messages: user }, options);
          let text = '';
          for await (const piece of stream.text()) text += piece;
          expect(text).toBe(await stream.finalText());
          return text;
        }),
      );
      expect(new Set(texts)).toEqual(new Set([steady]));
      expect(proxy.counted().failed).toBeGreaterThan(0);
    } finally {
      proxy.plan(undefined);
    }
  });

  test('cancel() stops the generation after the connection was replaced', async () => {
    const stream = await clientAt(proxy.port).chat.completions.create({
      model: 'lab/endless',
      messages: user,
      stream: true,
    });
    let reconnects = 0;
    stream.on('reconnect', () => {
      reconnects += 1;
    });
    let pieces = 0;
    for await (const _ of stream.text()) {
      pieces += 1;
      if (pieces === 3) proxy.drop();
      if (reconnects > 0 && pieces > 6)
        expect(await stream.cancel()).toEqual({ id: stream.completionId, status: 'cancelled' });
    }
    await expect(stream.finalText()).rejects.toBeInstanceOf(Tailrace.APIUserAbortError);
    const again = await clientAt(server.port).chat.completions.cancel(stream.completionId ?? '');
    expect(again.status).toBe('cancelled');
  });

  test('what the server says of a broken upstream is a typed error, with the id of the request', async () => {
    const client = clientAt(server.port);
    const stream = await client.chat.completions.create({ model: 'lab/cut', messages: user, stream: true });
    await expect(stream.finalText()).rejects.toMatchObject({
      code: 'upstream_cut',
      status: 502,
      requestID: stream.requestId,
    });
    const refused = client.chat.completions.create({ model: 'none', messages: user }).catch((error) => error);
    expect(await refused).toBeInstanceOf(Tailrace.NotFoundError);
    expect(await refused).toMatchObject({ code: 'model_not_found' });
  });
});

/** What the READMEs do not show, and the calls that providers' docs advise, written for this test. */
const programs: readonly [name: string, code: string, output: unknown][] = [
  [
    'openai-node: streaming',
    `const client = new OpenAI();
     const stream = await client.chat.completions.create({
       model: 'gpt-5.5',
       messages: [{ role: 'user', content: 'Say this is a test' }],
       stream: true,
     });
     for await (const chunk of stream) {
       process.stdout.write(chunk.choices[0]?.delta?.content || '');
     }`,
    answer,
  ],
  [
    'openai-node: errors',
    `const client = new OpenAI();
     await client.chat.completions
       .create({ model: 'unknown-model', messages: [{ role: 'user', content: 'Hi' }] })
       .catch(async (err) => {
         if (err instanceof OpenAI.APIError) {
           console.log(typeof err.requestID);
           console.log(err.status); // 404
           console.log(err.name); // NotFoundError
           console.log(err instanceof OpenAI.NotFoundError);
           console.log(err.headers.get('content-type')); // {server: 'nginx', ...}
         } else {
           throw err;
         }
       });`,
    [['string'], [404], ['NotFoundError'], [true], ['application/json; charset=utf-8']],
  ],
  [
    'openai-node: raw responses',
    `const client = new OpenAI();
     const httpResponse = await client.chat.completions
       .create({ model: 'gpt-5.5', messages: [{ role: 'user', content: 'say this is a test.' }] })
       .asResponse();
     console.log(httpResponse.status, typeof httpResponse.headers.get('x-request-id'));
     const { data: stream, request_id } = await client.chat.completions
       .create({ model: 'gpt-5.5', messages: [{ role: 'user', content: 'say this is a test.' }], stream: true })
       .withResponse();
     console.log(typeof request_id);
     for await (const chunk of stream) process.stdout.write(chunk.choices[0]?.delta?.content || '');`,
    [[200, 'string'], ['string'], answer],
  ],
  [
    'openai-node: other requests, lists, a fetch of one’s own',
    `const client = new OpenAI({ fetch: (url, init) => globalThis.fetch(url, init) });
     const { object } = await client.post('/chat/completions', {
       body: { model: 'gpt-5.5', messages: [{ role: 'user', content: 'Hi' }] },
     });
     console.log(object);
     const ids = [];
     for await (const model of client.models.list()) ids.push(model.id);
     console.log(ids.includes('openai/gpt-4o'));
     console.log((await client.models.retrieve('openai/gpt-4o')).id);`,
    [['chat.completion'], [true], ['openai/gpt-4o']],
  ],
  [
    'openai-node: the helper of streams',
    `const client = new OpenAI();
     const runner = client.chat.completions
       .stream({ model: 'gpt-5.5', messages: [{ role: 'user', content: 'How many?' }] })
       .on('content', (diff) => process.stdout.write(diff));
     console.log((await runner.finalChatCompletion()).choices[0].finish_reason);`,
    [answer, ['stop']],
  ],
  [
    'Ollama',
    `const openai = new OpenAI({
       baseURL: 'http://localhost:11434/v1/',
       // required but ignored
       apiKey: 'ollama',
     })
     const chatCompletion = await openai.chat.completions.create({
       messages: [{ role: 'user', content: 'Say this is a test' }],
       model: 'llama3.2',
     })
     console.log(chatCompletion.choices[0].message.content)`,
    [[answer]],
  ],
  [
    'OpenRouter',
    `const openai = new OpenAI({
       baseURL: 'https://openrouter.ai/api/v1',
       apiKey: '<OPENROUTER_API_KEY>',
       defaultHeaders: {
         'HTTP-Referer': '<YOUR_SITE_URL>', // Optional. Site URL for rankings on openrouter.ai.
         'X-Title': '<YOUR_SITE_NAME>', // Optional. Site title for rankings on openrouter.ai.
       },
     });
     async function main() {
       const completion = await openai.chat.completions.create({
         model: 'openai/gpt-4o',
         messages: [{ role: 'user', content: 'What is the meaning of life?' }],
       });
       console.log(completion.choices[0].message.content);
     }
     await main();`,
    [[answer]],
  ],
  [
    'DeepSeek',
    `const openai = new OpenAI({
       baseURL: 'https://api.deepseek.com',
       apiKey: process.env.DEEPSEEK_API_KEY,
     });
     const completion = await openai.chat.completions.create({
       messages: [{ role: "system", content: "You are a helpful assistant." }],
       model: "deepseek-chat",
     });
     console.log(completion.choices[0].message.content);`,
    [[answer]],
  ],
  [
    'xAI',
    `const client = new OpenAI({
       apiKey: "<api key>",
       baseURL: "https://api.x.ai/v1",
       timeout: 360000, // Override default timeout with longer timeout for reasoning models
     });
     const completion = await client.chat.completions.create({
       model: "grok-4",
       messages: [{ role: "user", content: "What is the meaning of life?" }],
     });
     console.log(completion.choices[0].message.content);`,
    [[answer]],
  ],
];

test.each(programs)(
  'a program for OpenAI’s client runs with another import: %s',
  async (_name, code, output) => {
    const logged: unknown[] = [];
    let written = '';
    const flush = (): void => {
      if (written !== '') logged.push(written);
      written = '';
    };
    const console_ = {
      log(...values: unknown[]) {
        flush();
        logged.push(values);
      },
    };
    // What a shell would set: our names in place of theirs.
    const env = {
      OPENAI_API_KEY: server.apiKey,
      DEEPSEEK_API_KEY: server.apiKey,
    };
    const process_ = {
      env,
      stdout: {
        write(text: string) {
          written += text;
        },
      },
    };
    const here = code
      .replaceAll(/baseURL: ['"][^'"]*['"]/g, `baseURL: '${server.baseUrl}/v1'`)
      .replaceAll(/apiKey: ['"][^'"]*['"]/g, `apiKey: '${server.apiKey}'`);
    const before = { ...process.env };
    process.env['TAILRACE_API_KEY'] = server.apiKey;
    process.env['TAILRACE_BASE_URL'] = `${server.baseUrl}/v1`;
    try {
      const run = new Function('OpenAI', 'console', 'process', `return (async () => { ${here} })()`);
      await run(Tailrace, console_, process_);
    } finally {
      process.env = before;
    }
    flush();
    expect(logged).toEqual(typeof output === 'string' ? [output] : output);
  },
);
