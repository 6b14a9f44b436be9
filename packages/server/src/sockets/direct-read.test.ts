import { once } from 'node:events';
import type { Socket } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readDirectly, readOptions, type SocketReader } from './direct-read.ts';
import { handleOf } from './stream-binding.ts';
import { listenForPairs, type SocketPairs } from './testing/socket-pairs.ts';

type Open = (socket: Socket, reader: SocketReader) => void;

const ways: readonly (readonly [name: string, open: Open])[] = [
  ['through the stream', () => {}],
  ['directly', readDirectly],
];

let pairs: SocketPairs;

beforeAll(async () => {
  pairs = await listenForPairs();
});
afterAll(() => pairs.close());

/** A connection whose reader is called with each read of it; all that the reader and the events of the socket saw. */
async function openReader(open: Open, onBytes: (text: string, socket: Socket) => void = () => {}) {
  const seen = { text: '', reads: 0, events: [] as string[] };
  const reader: SocketReader = {
    bytesRead(buffer, length) {
      const text = buffer.toString('latin1', 0, length);
      seen.text += text;
      seen.reads += 1;
      onBytes(text, client);
    },
  };
  const { client, accepted } = await pairs.connect(readOptions(reader));
  for (const name of ['end', 'close'] as const) client.on(name, () => seen.events.push(name));
  client.on('error', (error: NodeJS.ErrnoException) => seen.events.push(`error ${error.code}`));
  open(client, reader);
  return { socket: client, writer: accepted, seen };
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}

test('this version of Node has what a direct read needs', async () => {
  const { socket } = await openReader(() => {});
  const nodes = handleOf(socket)?.onread;
  readDirectly(socket, { bytesRead: () => {} });
  expect(typeof nodes).toBe('function');
  expect(handleOf(socket)?.onread).not.toBe(nodes);
  socket.destroy();
});

describe.each(ways)('a socket that is read %s', (_name, open) => {
  test('hands over every byte, in order, and then the end', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ minLength: 1, maxLength: 200_000 }), { maxLength: 6 }),
        async (texts) => {
          const { socket, writer, seen } = await openReader(open);
          const sent = texts.map((text) => Buffer.from(text));
          for (const bytes of sent) writer.write(bytes);
          writer.end();
          await once(socket, 'close');
          expect(seen.text).toBe(Buffer.concat(sent).toString('latin1'));
          expect(seen.events).toEqual(['end', 'close']);
        },
      ),
      { numRuns: 30 },
    );
  });

  test('reports a reset', async () => {
    const { writer, seen } = await openReader(open);
    writer.write('a');
    await until(() => seen.text === 'a');
    writer.resetAndDestroy();
    await until(() => seen.events.includes('close'));
    expect(seen.events).toEqual(['error ECONNRESET', 'close']);
  });

  test('reads nothing while it is paused, and continues after `resume`', async () => {
    const { socket, writer, seen } = await openReader(open, (text, read) => {
      if (text.includes('!')) read.pause();
    });
    writer.write('a!');
    await until(() => seen.text === 'a!');
    writer.write('b');
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(seen.text).toBe('a!');
    socket.resume();
    await until(() => seen.text === 'a!b');
    socket.destroy();
  });

  test('reads nothing after its reader has destroyed it', async () => {
    const { socket, writer, seen } = await openReader(open, (_text, read) => read.destroy());
    writer.write(Buffer.alloc(500_000, 'x'));
    await once(socket, 'close');
    await new Promise((resolve) => setImmediate(resolve));
    expect(seen.reads).toBe(1);
    expect(seen.events).toEqual(['close']);
  });
});
