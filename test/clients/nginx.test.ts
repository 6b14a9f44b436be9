// nginx in front, with its default settings (HTTP/1.0 to its upstream, buffering on) and with `proxy_buffering off`.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { labFiles, labModels, labUpstreams, oneAttempt } from '../support/lab.ts';
import { untilNoneLive } from '../support/live-streams.ts';
import { findNginx, type Nginx, startNginx } from '../support/nginx.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { startTap, type Tap } from '../support/tap.ts';
import { type Call, type Client, type Outcome, startClient } from './client.ts';
import { clients } from './client-table.ts';
import { question } from './refusals.ts';

const binary = await findNginx();
const names = ['openai for Node', 'openai for Python', 'requests, iter_lines', 'curl'];
const behind = clients.filter(({ name }) => names.includes(name));

describe.skipIf(binary === undefined)(
  `behind nginx${binary === undefined ? ' (none found here)' : ''}`,
  () => {
    let server: TestServer;
    let tap: Tap;
    beforeAll(async () => {
      server = await startServer({
        model: 'none',
        files: labFiles,
        config: {
          ...oneAttempt,
          upstreams: labUpstreams,
          models: labModels,
          stream: { keepalive_after: '100ms' },
        },
      });
      tap = await startTap(server.port);
    });
    afterAll(async () => {
      await tap?.close();
      await server?.stop();
    });

    describe.each(['default', 'unbuffered'] as const)('%s', (buffering) => {
      let nginx: Nginx;
      beforeAll(async () => {
        nginx = await startNginx({ binary: binary ?? '', upstreamPort: tap.port, buffering });
      });
      afterAll(async () => {
        await nginx?.stop();
      });

      test('speaks HTTP/1.0 to us, and gets a body without chunks that ends with the connection', async () => {
        const response = await fetch(`${nginx.origin}/v1/chat/completions`, {
          method: 'POST',
          headers: { authorization: `Bearer ${server.apiKey}`, 'content-type': 'application/json' },
          body: JSON.stringify({ model: 'lab/plain', messages: question, stream: true }),
        });
        expect(await response.text()).toContain('data: [DONE]\n\n');
        const [answer] = tap.take();
        expect(answer?.header('transfer-encoding')).toBeUndefined();
        expect(answer?.header('content-length')).toBeUndefined();
        expect(answer?.header('connection')).toBe('close');
      });

      describe.each(behind)('$name', (row) => {
        let client: Client;
        beforeAll(() => {
          client = startClient(row.driver);
        });
        afterAll(async () => {
          await client.close();
        });
        const ask = (call: Partial<Call> & Pick<Call, 'op'>): Promise<Outcome> =>
          client.call({ baseUrl: `${nginx.origin}/v1`, apiKey: server.apiKey, ...call });
        const request = (model: string) => ({ model, messages: question });

        test('streams a chat whole', async () => {
          const outcome = await ask({ op: 'stream', request: request('lab/paced') });
          expect(outcome).toMatchObject({ error: null, finish: 'stop', usageEvents: 1 });
          expect(outcome.text).toBe('Über die Brücke 日本 😀\n\ndata: [DONE]');
          tap.checkStreams();
        });

        test('passes keepalives on without damage', async () => {
          const outcome = await ask({ op: 'stream', request: request('lab/silent') });
          expect(outcome).toMatchObject({ error: null, text: 'Still waters run deep.' });
          tap.checkStreams();
        });

        test('gets an error in mid-stream', async () => {
          const outcome = await ask({ op: 'stream', request: request('lab/cut') });
          expect(outcome.error).toMatchObject({ code: 'upstream_cut', duringIteration: true });
          expect(outcome.finish).toBeNull();
          tap.checkStreams();
        });

        test('gets a refusal as it is', async () => {
          const { error } = await ask({ op: 'stream', request: request('acme/none') });
          expect(error).toMatchObject({ status: 404, code: 'model_not_found', param: 'model' });
        });

        test('leaves, and the server stops the stream', async () => {
          await ask({ op: 'stream', request: request('lab/endless'), stopAfter: 2, how: 'abort' });
          await untilNoneLive(server);
          tap.take();
        });
      });
    });
  },
);
