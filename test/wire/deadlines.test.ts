// Requests that take too long, and too many requests at once.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { untilLive, untilNoneLive } from '../support/live-streams.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { expectTrueStream } from '../support/stream-check.ts';
import { expectRefusal, labServer, startChat } from './wire-client.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer(
    labServer({
      server: { max_streams: 3 },
      timeouts: { first_token: '400ms', total: '2s' },
    }),
  );
});
afterAll(async () => {
  await server?.stop();
});

describe('an upstream', () => {
  test.each([true, false])('that never answers is 504 first_token_timeout (stream: %s)', async (stream) => {
    await using connection = await startChat(server, { model: 'lab/mute', stream });
    expectRefusal(await connection.response(), 504, 'first_token_timeout');
    await untilNoneLive(server);
  });

  test('that never ends is cut at the deadline, with an error event', async () => {
    await using connection = await startChat(server, { model: 'lab/endless', stream: true });
    const { error, choices } = expectTrueStream((await connection.response()).body);
    expect(error?.code).toBe('deadline_exceeded');
    expect(choices[0]?.content).toMatch(/^(drop )+$/);
    await untilNoneLive(server);
  });

  test('that never ends is 504 where nothing was streamed', async () => {
    await using connection = await startChat(server, { model: 'lab/endless' });
    expectRefusal(await connection.response(), 504, 'deadline_exceeded');
    await untilNoneLive(server);
  });
});

test('one stream more than the server takes is 503 with the time to come back', async () => {
  const endless = { model: 'lab/endless', stream: true };
  const crowd = await Promise.all([1, 2, 3].map(() => startChat(server, endless)));
  try {
    await untilLive(server, 3);
    await using late = await startChat(server, endless);
    const response = await late.response();
    expectRefusal(response, 503, 'overloaded');
    expect(response.header('retry-after')).toMatch(/^\d+$/);
    expect(response.header('retry-after-ms')).toMatch(/^\d+$/);
  } finally {
    for (const connection of crowd) connection.destroy();
    await untilNoneLive(server);
  }
});
