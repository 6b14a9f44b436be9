import type { ChatStream } from '../stream/contract.ts';
import { openChatStream } from '../stream/open-stream.ts';

/** A stream whose events a test writes. */
export interface WrittenStream {
  readonly stream: ChatStream;
  /** Sends one event; with a number where the stream has numbers. */
  send(data: object | string): void;
  /** The body ends: politely, or broken off. */
  end(how?: 'politely' | 'broken'): void;
  /** How many events the reader has taken, or is about to. */
  readonly wanted: number;
  /** Resolves when the connection was given up. */
  readonly left: Promise<void>;
}

export function chunkOf(delta: object, reason: string | null = null, more: object = {}): object {
  return {
    ...{ id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'm' },
    choices: [{ index: 0, delta, finish_reason: reason }],
    ...more,
  };
}

export function writtenStream(options: { readonly numbered?: boolean } = {}): WrittenStream {
  const encoder = new TextEncoder();
  const queue: (string | 'end' | 'broken')[] = [];
  let wake = (): void => {};
  let wanted = 0;
  let number = 0;
  let leave = (): void => {};
  const left = new Promise<void>((resolve) => {
    leave = resolve;
  });
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        wanted += 1;
        while (queue.length === 0) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
        const next = queue.shift() ?? '';
        if (next === 'end') controller.close();
        else if (next === 'broken') controller.error(new Error('socket hang up'));
        else controller.enqueue(encoder.encode(next));
      },
      cancel: () => leave(),
    },
    { highWaterMark: 0 },
  );
  const headers = {
    'content-type': 'text/event-stream',
    'x-request-id': 'req_1',
    ...(options.numbered
      ? { 'tailrace-completion-id': 'chatcmpl-1', 'tailrace-stream-url': 'https://ai.example/v1/streams/1' }
      : {}),
  };
  const stream = openChatStream(
    {
      open(signal) {
        signal.addEventListener('abort', () => leave());
        return Promise.resolve(new Response(body, { headers }));
      },
    },
    { maxRetries: 0 },
  );
  const put = (item: string): void => {
    queue.push(item);
    wake();
  };
  return {
    stream,
    left,
    get wanted() {
      return wanted;
    },
    send(data) {
      number += 1;
      const id = options.numbered ? `id: ${number}\n` : '';
      put(`${id}data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`);
    },
    end: (how = 'politely') => put(how === 'politely' ? 'end' : 'broken'),
  };
}
