// How the server ends, and what its clients get.

import { afterEach, describe, expect, test } from 'vitest';
import { isAlive } from '../support/child.ts';
import { endlessText } from '../support/endless-text.ts';
import { untilLive } from '../support/live-streams.ts';
import { childrenOf } from '../support/processes.ts';
import { connect, type RawConnection } from '../support/raw-connection.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { expectTrueStream } from '../support/stream-check.ts';
import { until } from '../support/until.ts';
import { ask, chatBytes, expectRefusal, labServer, startChat } from './wire-client.ts';

let server: TestServer | undefined;
afterEach(async () => {
  await server?.stop();
  server = undefined;
});

async function started(config = {}): Promise<TestServer> {
  server = await startServer(labServer(config));
  return server;
}

/** What the log says of the stop, in its order. A server that was killed has none of these lines. */
function stopLines(running: TestServer): unknown[] {
  const lines = running
    .logs()
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  return lines.flatMap(({ msg, reason, running: count }) =>
    msg === 'shutting down' ? [[msg, reason, count]] : msg === 'stopped' ? [[msg]] : [],
  );
}

describe('SIGTERM', () => {
  test('lets a running stream finish, refuses new ones, and exits 0', async () => {
    const running = await started();
    await using stream = await startChat(running, { model: 'lab/steady', stream: true });
    await untilLive(running, 1);
    const exit = running.expectExit();
    running.signal('SIGTERM');
    await until('the server not to be ready', 20_000, async () =>
      (await ask(running, { path: '/readyz' })).status === 503 ? true : undefined,
    );
    expect((await ask(running, { path: '/livez' })).status).toBe(200);
    await using late = await startChat(running, { model: 'lab/plain', stream: true });
    const refusal = await late.response();
    expectRefusal(refusal, 503, 'draining');
    expect(refusal.header('retry-after')).toMatch(/^\d+$/);
    expect(expectTrueStream((await stream.response()).body).complete).toBe(true);
    expect(await exit).toEqual({ code: 0, signal: null });
    expect(stopLines(running)).toEqual([['shutting down', 'SIGTERM', 1], ['stopped']]);
  });

  test('ends streams that outlast the drain with an error event', async () => {
    const running = await started({ timeouts: { drain: '500ms' } });
    await using stream = await startChat(running, { model: 'lab/endless', stream: true });
    await untilLive(running, 1);
    const exit = running.expectExit();
    running.signal('SIGTERM');
    await stream.untilClosed();
    const [response] = stream.responses();
    const summary = expectTrueStream(response?.body ?? Buffer.alloc(0));
    expect(summary.error).toBeDefined();
    expect(summary.complete).toBe(false);
    expect((await exit).signal).toBeNull();
  });

  test('resets a client of HTTP/1.0 that is too slow to get its error event: the end of its connection is no end', async () => {
    const running = await started({ timeouts: { drain: '500ms' } });
    await using slow = await connect(running.port);
    slow.send(chatBytes(running, { model: 'lab/flood', stream: true }, { version: '1.0' }));
    await until('the first bytes', 20_000, () => (slow.received().length > 0 ? true : undefined));
    slow.pause();
    const exit = running.expectExit();
    running.signal('SIGTERM');
    expect((await exit).signal).toBeNull();
    slow.resume();
    expect(await slow.untilClosed()).toBe('reset');
  });

  test.each(['SIGTERM', 'SIGINT'] as const)('or %s ends an idle server at once with 0', async (signal) => {
    const running = await started();
    // An idle keep-alive connection does not delay the end.
    await ask(running, { path: '/livez' });
    const exit = running.expectExit();
    running.signal(signal);
    expect(await exit).toEqual({ code: 0, signal: null });
    expect(stopLines(running)).toEqual([['shutting down', signal, 0], ['stopped']]);
  });
});

test('a second SIGINT ends the server at once, with streams running', async () => {
  const running = await started();
  await using stream = await startChat(running, { model: 'lab/endless', stream: true });
  await untilLive(running, 1);
  const exit = running.expectExit();
  running.signal('SIGINT');
  await until('the drain to have begun', 20_000, async () =>
    (await ask(running, { path: '/readyz' })).status === 503 ? true : undefined,
  );
  expect(stream.closed()).toBeUndefined();
  running.signal('SIGINT');
  await exit;
  await stream.untilClosed();
  expect(stream.received().toString('latin1')).not.toContain('[DONE]');
});

describe.runIf(process.platform === 'linux')('the engine’s process', () => {
  const long = { model: 'default', stream: true, max_tokens: 1500, temperature: 1, ...endlessText };
  const short = { model: 'default', stream: true, max_tokens: 4 };

  async function engineRunning(
    request: Readonly<Record<string, unknown>> = long,
  ): Promise<{ running: TestServer; stream: RawConnection; engine: number }> {
    server = await startServer({ model: 'default' });
    const running = server;
    const stream = await startChat(running, request);
    await until('the first words', 30_000, () =>
      stream.received().toString('latin1').includes('"content":"') ? true : undefined,
    );
    const [engine, ...others] = childrenOf(running.pid);
    expect(others).toEqual([]);
    if (engine === undefined) throw new Error('no engine process');
    return { running, stream, engine };
  }

  test('killed in mid-stream continues the answer in the next process; a stream that cannot be taken over ends with an error event', async () => {
    const { running, stream, engine } = await engineRunning({ ...long, max_tokens: 200 });
    // Several choices are not taken over.
    await using several = await startChat(running, { ...long, n: 2 });
    await until('the first words of several choices', 30_000, () =>
      several.received().toString('latin1').includes('"content":"') ? true : undefined,
    );
    expect(stream.received().toString('latin1')).not.toContain('[DONE]');
    process.kill(engine, 'SIGKILL');
    expect(expectTrueStream((await several.response()).body).error?.code).toBe('upstream_cut');
    expect(expectTrueStream((await stream.response()).body).complete).toBe(true);
    await using next = await startChat(running, short);
    expect(expectTrueStream((await next.response()).body).complete).toBe(true);
    expect(childrenOf(running.pid)).not.toContain(engine);
    stream.destroy();
  });

  test('ends within two seconds of a kill -9 of the server', async () => {
    const { running, engine, stream } = await engineRunning();
    await running.kill();
    await until('the engine to end', 20_000, () => (isAlive(engine) ? undefined : true));
    stream.destroy();
  });

  test('ignores the Ctrl-C that the whole group gets, and ends with its parent', async () => {
    const { running, engine, stream } = await engineRunning();
    process.kill(engine, 'SIGINT');
    process.kill(engine, 'SIGTERM');
    process.kill(engine, 'SIGHUP');
    stream.destroy();
    await untilLive(running, 0);
    await using next = await startChat(running, short);
    expect(expectTrueStream((await next.response()).body).complete).toBe(true);
    expect(isAlive(engine)).toBe(true);
    await running.stop();
    await until('the engine to end', 20_000, () => (isAlive(engine) ? undefined : true));
  });
});
