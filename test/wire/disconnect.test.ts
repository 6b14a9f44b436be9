// A client that leaves stops its run: while it waits in the queue, while its prompt is read, in mid-stream.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { endlessText } from '../support/endless-text.ts';
import { untilLive, untilNoneLive } from '../support/live-streams.ts';
import type { RawConnection } from '../support/raw-connection.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { expectTrueStream } from '../support/stream-check.ts';
import { until } from '../support/until.ts';
import { expectRefusal, labServer, startChat } from './wire-client.ts';

describe('with the scripted upstream', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer(labServer({ stream: { hold_head: '200ms' } }));
  });
  afterAll(async () => {
    await server?.stop();
  });

  test.each([
    ['before the head', 'lab/mute', true],
    ['in mid-stream', 'lab/endless', true],
    ['while a plain answer is collected', 'lab/endless', false],
  ])('leaving %s ends the run', async (_, model, stream) => {
    await using connection = await startChat(server, { model, stream });
    const [live] = await untilLive(server, 1);
    expect(live).toMatchObject({ id: expect.stringMatching(/^chatcmpl-/), model });
    // The target may be unknown until one has answered; the field is there.
    expect(Object.keys(live ?? {})).toEqual(expect.arrayContaining(['key_id', 'target', 'created_at']));
    connection.destroy();
    await untilNoneLive(server);
  });

  test('leaving between the head and the first output ends the run', async () => {
    await using connection = await startChat(server, { model: 'lab/mute', stream: true });
    await until('the head', 20_000, () => (connection.received().length > 0 ? true : undefined));
    connection.destroy();
    await untilNoneLive(server);
  });

  test('leaving after [DONE] is no failure', async () => {
    await using connection = await startChat(server, { model: 'lab/plain', stream: true });
    await connection.response();
    connection.destroy();
    await untilNoneLive(server);
    await until('the log line', 20_000, () =>
      server
        .logs()
        .split('\n')
        .some((line) => line.includes('lab/plain') && line.includes('completed'))
        ? true
        : undefined,
    );
  });
});

describe('with the engine at its limit', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ model: 'default', sequences: 1, config: { engine: { queue: 1 } } });
  });
  afterAll(async () => {
    await server?.stop();
  });

  const long = { model: 'default', stream: true, max_tokens: 1800, temperature: 1, ...endlessText };
  const short = { model: 'default', stream: true, max_tokens: 4 };
  const longPrompt = [{ role: 'user', content: 'river '.repeat(1500) }];

  async function withText(connection: RawConnection): Promise<void> {
    await until('the first words', 30_000, () =>
      connection.received().includes('"content":"') && connection.responses()[0]?.chunks.length !== 1
        ? true
        : undefined,
    );
  }

  /** A run leaves the list a moment before its place in the engine is free again: `overloaded` may come until then. */
  async function expectServed(): Promise<void> {
    await until('a place in the engine', 20_000, async () => {
      await using connection = await startChat(server, short);
      const response = await connection.response();
      if (response.status === 503) return undefined;
      expect(expectTrueStream(response.body).complete).toBe(true);
      return true;
    });
  }

  test('leaving in mid-stream frees the sequence for a waiting request', async () => {
    await using running = await startChat(server, long);
    await withText(running);
    await using waiting = await startChat(server, short);
    await untilLive(server, 2);
    running.destroy();
    expect(expectTrueStream((await waiting.response()).body).complete).toBe(true);
    await untilNoneLive(server);
  });

  test('leaving the queue ends the run and makes room for the next request', async () => {
    await using running = await startChat(server, long);
    await withText(running);
    await using waiting = await startChat(server, short);
    await untilLive(server, 2);
    waiting.destroy();
    await untilLive(server, 1);
    running.destroy();
    await expectServed();
  });

  test('leaving while the prompt is read ends the run', async () => {
    await using connection = await startChat(server, { ...long, messages: longPrompt });
    await untilLive(server, 1);
    connection.destroy();
    await untilNoneLive(server);
    await expectServed();
  });

  test('one request more than sequences and queue hold is refused with the time to come back', async () => {
    const crowd = await Promise.all([startChat(server, long), startChat(server, long)]);
    try {
      await untilLive(server, 2);
      await using late = await startChat(server, short);
      const response = await late.response();
      expectRefusal(response, 503, 'overloaded');
      expect(response.header('retry-after')).toMatch(/^\d+$/);
      expect(response.header('retry-after-ms')).toMatch(/^\d+$/);
    } finally {
      for (const connection of crowd) connection.destroy();
      await untilNoneLive(server);
    }
  });
});
