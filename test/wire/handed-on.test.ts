// Unknown fields reach an OpenAI-compatible upstream byte for byte.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startServer, type TestServer } from '../support/server.ts';
import { chatBytes, exchange } from './wire-client.ts';

const args = '{"id":12345678901234567890,"x":1.0}';
const answer = `{"choices":[{"index":0,"message":{"tool_calls":[{"id":"c","function":{"name":"f","arguments":${args}}}]},"finish_reason":"tool_calls"}]}`;
const bodies: string[] = [];
const origin = createServer(async (request, response) => {
  bodies.push(await text(request));
  response.writeHead(200, { 'content-type': 'application/json' }).end(answer);
});

let server: TestServer;
beforeAll(async () => {
  await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve));
  const baseUrl = `http://127.0.0.1:${(origin.address() as AddressInfo).port}/v1`;
  server = await startServer({
    model: 'none',
    config: {
      upstreams: { lab: { kind: 'openai', base_url: baseUrl } },
      models: { m: { targets: [{ upstream: 'lab', model: 'there' }] } },
    },
  });
});
afterAll(async () => {
  await server?.stop();
  origin.close();
});

test('numbers, names, escapes and white space of unknown fields; arguments on the way back', async () => {
  const fields = [
    '"request_number" : 12345678901234567890',
    '"top_k":1.0',
    '"extra": { "2" : -0, "1":[1e2,\n0.10], "s":"\\u00e9\\/" }',
  ];
  const message = '{"role":"user","content":"hi","trace" : {"id": 9007199254740993}}';
  const body = `{"model":"m","messages":[${message}],${fields.join(',')}}`;
  const response = await exchange(server, chatBytes(server, {}, { body }));
  expect(response.status).toBe(200);
  const [sent = ''] = bodies;
  for (const field of [...fields, message]) expect(sent).toContain(field);
  expect(response.body.toString('utf8')).toContain(`"arguments":${JSON.stringify(args)}`);
});
