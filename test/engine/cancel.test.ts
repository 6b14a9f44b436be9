// Cancelling what the engine answers: in mid-stream, in the queue, while its prompt is read; its place is free afterwards.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { allRecords } from '../ledger/administrator.ts';
import { endlessText } from '../support/endless-text.ts';
import { untilLive, untilNoneLive } from '../support/live-streams.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { until } from '../support/until.ts';
import { complete, type Fields } from './completion.ts';

let server: TestServer;
beforeAll(async () => {
  // Two places: a third request waits.
  server = await startServer({ model: 'default', sequences: 2, config: { engine: { queue: 4 } } });
});
afterAll(async () => {
  await server?.stop();
});

const tools = [
  {
    type: 'function',
    function: {
      name: 'tell',
      parameters: {
        type: 'object',
        properties: { story: { type: 'string', minLength: 4_000 } },
        required: ['story'],
      },
    },
  },
];
const story = {
  messages: [{ role: 'user', content: 'Tell me a long story.' }],
  max_tokens: 1_800,
  ...endlessText,
};
const longPrompt = {
  ...story,
  messages: [{ role: 'user', content: 'river '.repeat(1_500) }],
  max_tokens: 50,
};
const called = { ...story, logit_bias: {}, tools, tool_choice: 'required' };

/** Sends a completion; `text` grows while it arrives. */
function send(fields: Fields) {
  const sent = { text: '', status: 0, ended: Promise.resolve() };
  sent.ended = (async () => {
    const response = await fetch(`${server.baseUrl}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${server.apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'default', ...fields }),
    });
    sent.status = response.status;
    for await (const piece of response.body?.pipeThrough(new TextDecoderStream()) ?? []) sent.text += piece;
  })();
  return sent;
}

async function cancel(id: string): Promise<unknown> {
  const beganMs = performance.now();
  const response = await fetch(`${server.baseUrl}/v1/chat/completions/${id}/cancel`, {
    method: 'POST',
    headers: { authorization: `Bearer ${server.apiKey}` },
  });
  const body: unknown = await response.json();
  console.log(JSON.stringify({ cancelled_within_ms: Math.round(performance.now() - beganMs) }));
  return [response.status, body];
}

const recordOf = async (id: string) => (await allRecords(server)).find((record) => record.id === id);

/** Both places of the engine serve requests again. */
async function expectBothPlaces(): Promise<void> {
  await untilNoneLive(server);
  const short = { model: 'default', messages: [{ role: 'user', content: 'Hi' }], max_tokens: 3 };
  const answers = await Promise.all([complete(server, short), complete(server, { ...short, stream: true })]);
  for (const { status, usage } of answers) expect([status, usage.completion_tokens > 0]).toEqual([200, true]);
}

describe('a completion of the engine', () => {
  test.each<[string, Fields]>([
    ['a text', story],
    ['a text of two choices', { ...story, n: 2 }],
    ['a tool call', called],
  ])('%s is cancelled in mid-stream', async (_, fields) => {
    const sent = send({ ...fields, stream: true });
    const [live] = await untilLive(server, 1);
    const id = live?.id ?? '';
    await until('some pieces', 30_000, () => (sent.text.split('data: ').length > 8 ? true : undefined));
    expect(await cancel(id)).toEqual([200, { id, status: 'cancelled' }]);
    await sent.ended;
    expect(sent.text).toContain('"code":"completion_cancelled"');
    expect(sent.text).not.toContain('[DONE]');
    const record = await recordOf(id);
    expect(record?.status).toBe('cancelled');
    expect(record?.completion_tokens).toBeGreaterThan(3);
    await expectBothPlaces();
  });

  test.each<[string, Fields]>([
    ['a text', story],
    ['a text of two choices', { ...story, n: 2 }],
    ['a tool call', called],
  ])('%s that does not stream is cancelled', async (_, fields) => {
    for (const waitMs of [1_500, 4_000, 8_000]) {
      const sent = send(fields);
      const [live] = await untilLive(server, 1);
      const id = live?.id ?? '';
      await new Promise((resolve) => setTimeout(resolve, waitMs));
      expect(await cancel(id)).toEqual([200, { id, status: 'cancelled' }]);
      await sent.ended;
      expect([sent.status, sent.text]).toEqual([409, expect.stringContaining('completion_cancelled')]);
      await expectBothPlaces();
      if (((await recordOf(id))?.completion_tokens ?? 0) > 0) return;
    }
    throw new Error('no output was recorded');
  });

  test('one that waits in the queue is cancelled there, and what runs goes on', async () => {
    const running = [send({ ...story, stream: true }), send({ ...story, stream: true })];
    await until('both to have begun', 30_000, () =>
      running.every(({ text }) => text.includes('"content":"')) ? true : undefined,
    );
    const ahead = (await untilLive(server, 2)).map(({ id }) => id);
    const waiting = send({ ...story, stream: true });
    const live = await untilLive(server, 3);
    const id = live.map((one) => one.id).find((one) => !ahead.includes(one)) ?? '';
    expect(await cancel(id)).toEqual([200, { id, status: 'cancelled' }]);
    await waiting.ended;
    expect(waiting.text).toContain('completion_cancelled');
    expect(await recordOf(id)).toMatchObject({ status: 'cancelled', completion_tokens: 0 });
    const before = running.map(({ text }) => text.length);
    await until('more of those that run', 30_000, () =>
      running.every(({ text }, index) => text.length > (before[index] ?? 0)) ? true : undefined,
    );
    for (const one of ahead) await cancel(one);
    await Promise.all(running.map(({ ended }) => ended));
    await expectBothPlaces();
  });

  test('one whose prompt is being read is cancelled', async () => {
    const sent = send({ ...longPrompt, stream: true });
    const [live] = await untilLive(server, 1);
    const id = live?.id ?? '';
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await cancel(id)).toEqual([200, { id, status: 'cancelled' }]);
    await sent.ended;
    expect(sent.text).toContain('completion_cancelled');
    await expectBothPlaces();
  });
});
