// The clients of the Durable Streams protocol that people install, against streams of completions: each mode, each way to end,
// and reading on where another read stopped.

import { createSseDecoder } from '@tailrace/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type LabModel, labFiles, labModels, labUpstreams, oneAttempt } from '../support/lab.ts';
import { untilNoneLive } from '../support/live-streams.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { type Call, type Client, type Driver, type Outcome, startClient } from './client.ts';
import { question } from './refusals.ts';

interface Row {
  readonly name: string;
  readonly driver: Driver;
  /** What it raises for an unknown stream, and whether it passes our error code on. */
  readonly notFound: string;
  readonly showsCodes: boolean;
}

const rows: readonly Row[] = [
  {
    name: '@durable-streams/client for JavaScript',
    driver: { file: 'durable-streams.mjs' },
    notFound: 'FetchError',
    showsCodes: true,
  },
  {
    name: 'durable-streams for Python',
    driver: { file: 'durable_streams_client.py' },
    notFound: 'StreamNotFoundError',
    showsCodes: false,
  },
];

let server: TestServer;
beforeAll(async () => {
  server = await startServer({
    model: 'none',
    files: labFiles,
    config: { upstreams: labUpstreams, models: labModels, ...oneAttempt },
  });
});
afterAll(async () => {
  await server?.stop();
});

interface Started {
  readonly streamUrl: string;
  /** The same in the answer's head, which needs no key. */
  readonly signedUrl: string;
  /** The messages that the answer of the POST had, when it has ended. */
  readonly messages: Promise<readonly unknown[]>;
}

async function start(model: LabModel): Promise<Started> {
  const response = await fetch(`${server.baseUrl}/v1/chat/completions`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${server.apiKey}`,
      'content-type': 'application/json',
      'tailrace-resumable': 'true',
    },
    body: JSON.stringify({ model: `lab/${model}`, stream: true, messages: question }),
  });
  expect(response.status).toBe(200);
  const id = response.headers.get('tailrace-completion-id');
  return {
    streamUrl: `${server.baseUrl}/v1/streams/${id}`,
    signedUrl: response.headers.get('tailrace-stream-url') ?? '',
    messages: response.text().then(messagesOf),
  };
}

function messagesOf(body: string): unknown[] {
  const messages: unknown[] = [];
  const decoder = createSseDecoder({}, (item) => {
    if (item.type === 'event' && item.data !== '[DONE]') messages.push(JSON.parse(item.data));
  });
  decoder.push(new TextEncoder().encode(body));
  decoder.end();
  return messages;
}

describe.each(rows)('$name', ({ driver, notFound, showsCodes }) => {
  let client: Client;
  beforeAll(() => {
    client = startClient(driver);
  });
  afterAll(async () => {
    await client.close();
  });

  const ask = (call: Partial<Call> & Pick<Call, 'op'>): Promise<Outcome> =>
    client.call({ baseUrl: `${server.baseUrl}/v1`, apiKey: server.apiKey, ...call });

  test.each(['plain', 'cut'] as const)('reads an ended stream at once (%s)', async (model) => {
    const { streamUrl, messages } = await start(model);
    const all = await messages;
    const offset = String(all.length).padStart(12, '0');
    const outcome = await ask({ op: 'readAll', streamUrl });
    expect(outcome).toMatchObject({ error: null, seen: all, position: { offset, closed: true } });
    expect(await ask({ op: 'head', streamUrl })).toMatchObject({ error: null, position: { offset } });
    const rest = await ask({ op: 'readAll', streamUrl, offset: '000000000003' });
    expect(rest).toMatchObject({ error: null, seen: all.slice(3) });
  });

  describe.each(['long-poll', 'sse'] as const)('live, by %s', (live) => {
    test.each(['steady', 'late', 'cut'] as const)('follows a stream to its end (%s)', async (model) => {
      const { streamUrl, messages } = await start(model);
      const outcome = await ask({ op: 'follow', streamUrl, live });
      expect(outcome.error).toBeNull();
      expect(outcome.seen).toEqual(await messages);
      const last = outcome.seen.at(-1);
      if (model === 'cut') expect(last).toMatchObject({ error: { code: 'upstream_cut' } });
      else expect(last).toMatchObject({ choices: [{ finish_reason: 'stop' }] });
    });

    test('reads on where it stopped, without a gap or a repetition', async () => {
      const { streamUrl, messages } = await start('steady');
      const first = await ask({ op: 'follow', streamUrl, live, stopAfter: 4 });
      expect(first.error).toBeNull();
      const offset = first.position?.offset ?? '';
      const rest = await ask({ op: 'follow', streamUrl, live, offset });
      expect(rest.error).toBeNull();
      expect([...first.seen, ...rest.seen]).toEqual(await messages);
    });
  });

  test('cancels a stream that runs, which then ends in an error for its readers', async () => {
    const { streamUrl, messages } = await start('endless');
    expect((await ask({ op: 'remove', streamUrl })).error).toBeNull();
    await untilNoneLive(server);
    const all = await messages;
    expect(all.at(-1)).toMatchObject({ error: { code: 'completion_cancelled' } });
    expect(await ask({ op: 'readAll', streamUrl })).toMatchObject({ error: null, seen: all });
    // Now it has ended: the second time it is dropped.
    expect((await ask({ op: 'remove', streamUrl })).error).toBeNull();
    expect((await ask({ op: 'readAll', streamUrl })).error).toMatchObject({ status: 404 });
  });

  test('reads a signed address without a key', async () => {
    const { signedUrl, messages } = await start('plain');
    const outcome = await ask({ op: 'readAll', streamUrl: signedUrl, apiKey: '' });
    expect(outcome).toMatchObject({ error: null, seen: await messages });
  });

  test('raises what is refused', async () => {
    const { error } = await ask({ op: 'readAll', streamUrl: `${server.baseUrl}/v1/streams/chatcmpl-none` });
    expect(error?.classes).toContain(notFound);
    expect(error).toMatchObject({ status: 404, code: showsCodes ? 'completion_not_found' : null });
    const { streamUrl, messages } = await start('plain');
    await messages;
    const behind = await ask({ op: 'readAll', streamUrl, offset: '000000000099' });
    expect(behind.error).toMatchObject({ status: 400, code: showsCodes ? 'invalid_value' : null });
    const foreign = await ask({ op: 'readAll', streamUrl, apiKey: server.adminKey });
    expect(foreign.error).toMatchObject({ status: 404 });
    const nobody = await ask({ op: 'readAll', streamUrl, apiKey: 'tr_unknown' });
    expect(nobody.error).toMatchObject({ status: 401 });
  });
});
