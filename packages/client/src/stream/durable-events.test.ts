import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  errorEvent,
  streamIn,
  streamStates,
} from '../../../server/src/http/durable-streams/testing/durable-answers.ts';
import {
  type DurableServer,
  startDurableServer,
} from '../../../server/src/http/durable-streams/testing/durable-server.ts';
import { durableAddress, readDurable } from './durable-events.ts';

/** The reader does not leave. */
const stays = new AbortController().signal;

describe('a stream at its address, read from the real routes', () => {
  let server: DurableServer;
  beforeEach(async () => {
    server = await startDurableServer();
  });
  afterEach(() => server.stop());

  const address = (id: string): string => `${server.url}/v1/streams/${id}?expires=1`;
  const read = (id: string, after: number): Promise<Response> =>
    readDurable((offset) => fetch(durableAddress(address(id), offset)), after, stays);

  test.each(streamStates.filter(({ closed }) => closed))(
    'has, when it is $state, the bytes of the ordinary one behind each of its events',
    async ({ state, written }) => {
      const { id } = await streamIn(server, state);
      for (let after = 0; after < written.length; after += 1) {
        const ordinary = await fetch(`${server.url}/v1/chat/completions/${id}/events?after=${after}`);
        const response = await read(id, after);
        // A refusal before any output is one of the request where it is read by the key, and an event here.
        const expected = ordinary.ok ? await ordinary.text() : `id: 1\ndata: ${errorEvent}\n\n`;
        expect([response.status, await response.text()]).toEqual([200, expected]);
      }
    },
  );

  test('comes as it is written, over the end of an answer after a minute', async () => {
    const { id, writer } = await streamIn(server, 'running');
    const response = await read(id, 0);
    await server.waiting();
    server.timers.pass(10_000);
    server.timers.pass(50_000);
    const reading = response.text();
    await expect.poll(() => server.responses.length).toBe(2);
    await server.waiting();
    writer.event('{"n":5}');
    writer.end({ type: 'whole', payload: '[DONE]' });
    const text = await reading;
    const ordinary = await fetch(`${server.url}/v1/chat/completions/${id}/events?after=0`);
    expect(withoutComments(text)).toBe(await ordinary.text());
    expect(text).toMatch(/^:$/m);
  });

  test('is refused as the server refuses it', async () => {
    const { id } = await streamIn(server, 'closed whole');
    const beyond = await read(id, 9);
    expect([beyond.status, await beyond.json()]).toMatchObject([400, { error: { code: 'invalid_value' } }]);
  });

  test('ends its connection when its reader leaves', async () => {
    const { id } = await streamIn(server, 'running');
    const response = await read(id, 0);
    const reader = response.body?.getReader();
    await reader?.read();
    await server.waiting();
    await reader?.cancel();
    await server.waiting(0);
  });
});

describe('answers that are not in order', () => {
  const control = (number: number, closed = false): string =>
    `event: control\ndata:${JSON.stringify({ streamNextOffset: String(number).padStart(12, '0'), ...(closed ? { streamClosed: true } : {}) })}\n\n`;
  const whole = `event: data\ndata:[{"n":1},\ndata:{"n":2}]\n\n${control(2)}: quiet\n\nevent: data\ndata:[{"n":3}]\n\n${control(3, true)}`;
  const ordinary =
    'id: 1\ndata: {"n":1}\n\nid: 2\ndata: {"n":2}\n\nid: 3\ndata: {"n":3}\n\nid: 4\ndata: [DONE]\n\n';

  /** Answers with these texts in turn, in pieces of `size` bytes; the last one stays open where it is not closed. */
  function scripted(texts: readonly string[], size = 1_000) {
    const asked: string[] = [];
    const ask = async (offset: string): Promise<Response> => {
      const bytes = new TextEncoder().encode(texts[asked.length] ?? '');
      asked.push(offset);
      let at = 0;
      const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
        pull(controller) {
          if (at < bytes.length) controller.enqueue(bytes.slice(at, at + size));
          else controller.close();
          at += size;
        },
      });
      return new Response(body, {
        headers: { 'content-type': 'text/event-stream', 'tailrace-stream-url': '/x' },
      });
    };
    return { ask, asked };
  }

  test('the events are the same however the bytes are cut', async () => {
    for (let size = 1; size < 40; size += 1) {
      const { ask } = scripted([whole], size);
      expect(withoutComments(await (await readDurable(ask, 0, stays)).text())).toBe(ordinary);
    }
  });

  test('an answer that is cut at any byte fails the body behind the events that came, and never ends it', async () => {
    for (let cut = 0; cut < whole.length; cut += 1) {
      const { ask, asked } = scripted([whole.slice(0, cut)]);
      const reader = (await readDurable(ask, 0, stays)).body?.getReader();
      let text = '';
      const read = async (): Promise<void> => {
        for (;;) {
          const piece = await reader?.read();
          if (piece?.done !== false) throw new Error('it has ended');
          text += new TextDecoder().decode(piece.value);
          // Where the answer ends behind an event `control`, the next one is asked for.
          if (asked.length > 1) throw new TypeError('asked again');
        }
      };
      const inOrder = cut >= whole.indexOf(': quiet') && cut < whole.indexOf('event: data', 1) + 12;
      if (!inOrder) await expect(read(), `cut at ${cut}`).rejects.toThrow('was cut');
      else await expect(read()).rejects.toThrow(TypeError);
      expect(ordinary.startsWith(withoutComments(text))).toBe(true);
    }
  });

  test('a number of messages that disagrees with what came is an error', async () => {
    const { ask } = scripted([`event: data\ndata:[1]\n\n${control(2)}`]);
    await expect((await readDurable(ask, 0, stays)).text()).rejects.toThrow('Messages are missing');
  });

  test('an empty answer is followed by a pause, which the signal ends', async () => {
    vi.useFakeTimers();
    try {
      const { ask, asked } = scripted([control(0), control(0), whole]);
      const reading = (await readDurable(ask, 0, stays)).text();
      await vi.advanceTimersByTimeAsync(999);
      expect(asked).toHaveLength(1);
      await vi.advanceTimersByTimeAsync(1_001);
      expect(withoutComments(await reading)).toBe(ordinary);
      const leaving = new AbortController();
      const left = (await readDurable(scripted([control(0)]).ask, 0, leaving.signal)).text();
      const ended = expect(left).rejects.toThrow('gone');
      await vi.advanceTimersByTimeAsync(1);
      leaving.abort(new Error('gone'));
      await ended;
    } finally {
      vi.useRealTimers();
    }
  });

  test('a later answer that is refused fails the body', async () => {
    const { ask } = scripted([`event: data\ndata:[1]\n\n${control(1)}`]);
    let count = 0;
    const response = await readDurable(
      async (offset) => {
        count += 1;
        return count === 1 ? await ask(offset) : new Response('gone', { status: 404 });
      },
      0,
      stays,
    );
    await expect(response.text()).rejects.toThrow('status 404');
  });

  test('its own address, which an app has to rewrite, is no header of it', async () => {
    expect((await readDurable(scripted([whole]).ask, 0, stays)).headers.has('tailrace-stream-url')).toBe(
      false,
    );
  });
});

const withoutComments = (text: string): string => text.replaceAll(/^:\n/gm, '');
