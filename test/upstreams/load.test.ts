// `balance: least_busy` uses the load that the servers themselves report.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { startServer } from '../support/server.ts';
import { until } from '../support/until.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** An OpenAI-compatible server that reports how many requests wait there, and counts its requests. */
async function startBusy(waiting: number) {
  const asked = { answers: 0, metrics: 0 };
  const server = createServer((request, response) => {
    request.resume();
    if (request.url === '/metrics') {
      asked.metrics += 1;
      response.end(`# TYPE llamacpp:requests_deferred gauge\nllamacpp:requests_deferred ${waiting}\n`);
      return;
    }
    asked.answers += 1;
    const choices = [{ index: 0, delta: { content: 'a' }, finish_reason: 'stop' }];
    const usage = { prompt_tokens: 1, completion_tokens: 1 };
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(`data: ${JSON.stringify({ choices, usage })}\n\ndata: [DONE]\n\n`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { asked, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1` };
}

test('a server where many requests wait gets none once that is known; with weights the load is not read', async () => {
  const [busy, idle, weighed] = [await startBusy(50), await startBusy(0), await startBusy(0)];
  const upstream = (url: string) => ({ kind: 'openai', preset: 'llamacpp', base_url: url });
  const server = await startServer({
    model: 'none',
    config: {
      upstreams: {
        busy: upstream(busy.url),
        idle: upstream(idle.url),
        weighed: upstream(weighed.url),
      },
      models: {
        chat: { balance: 'least_busy', targets: [{ upstream: 'busy' }, { upstream: 'idle' }] },
        plain: { targets: [{ upstream: 'weighed' }] },
      },
    },
  });
  closing.push(() => server.stop());
  let turn = 0;
  const ask = async (model: string) => {
    turn += 1;
    const response = await fetch(`${server.baseUrl}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${server.apiKey}`, 'content-type': 'application/json' },
      // Another chat each time: turns of one chat go to the server that has its prefix.
      body: JSON.stringify({ model, messages: [{ role: 'user', content: `Chat number ${turn}.` }] }),
    });
    expect(response.status).toBe(200);
    await response.text();
  };

  await ask('plain');
  await ask('chat');
  await until('both to be asked for their load', 20_000, () =>
    busy.asked.metrics > 0 && idle.asked.metrics > 0 ? true : undefined,
  );
  // The reported load counts once it has been read: two requests in a row to the idle server show that.
  await until('the load to be known', 20_000, async () => {
    const before = idle.asked.answers;
    await ask('chat');
    await ask('chat');
    return idle.asked.answers === before + 2 ? true : undefined;
  });
  const before = { busy: busy.asked.answers, idle: idle.asked.answers };
  for (let asked = 0; asked < 12; asked += 1) await ask('chat');
  expect({ busy: busy.asked.answers, idle: idle.asked.answers }).toEqual({
    busy: before.busy,
    idle: before.idle + 12,
  });
  expect(weighed.asked).toEqual({ answers: 1, metrics: 0 });
});
