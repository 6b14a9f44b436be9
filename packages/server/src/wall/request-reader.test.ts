import { Socket } from 'node:net';
import { describe, expect, it, vi } from 'vitest';
import { createRequestReader } from './request-reader.ts';

/** A reader and the other end of its socket. */
function reading() {
  const socket = new Socket();
  const reader = createRequestReader(socket);
  return { reader, send: (text: string) => socket.emit('data', Buffer.from(text, 'latin1')), socket };
}

const head = (...lines: readonly string[]) =>
  ['POST /v1/x?y HTTP/1.1', 'Host: x', ...lines, '', ''].join('\r\n');
const chunked = head('Transfer-Encoding: chunked');

describe('requests from a socket', () => {
  it.each([
    ['a length', `${head('Content-Length: 5')}hello`],
    ['chunks', `${chunked}2;of=no use\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n`],
  ])('are read with %s, byte by byte and pipelined', async (_, bytes) => {
    const { reader, send } = reading();
    send(bytes + bytes);
    for (let request = 0; request < 2; request += 1) {
      expect(await reader.next()).toMatchObject({
        kind: 'request',
        request: { method: 'POST', path: '/v1/x', body: 'hello', keepAlive: true },
      });
    }
    const next = reader.next();
    for (const byte of bytes) send(byte);
    expect(await next).toMatchObject({ kind: 'request', request: { body: 'hello' } });
  });

  it.each([
    ['no HTTP', 'what\r\n\r\n', '400 Bad Request'],
    ['a length that is none', head('Content-Length: 5a'), '400 Bad Request'],
    ['a length beyond all', head('Content-Length: 99999999999'), '413 Content Too Large'],
    ['a chunk beyond all', `${chunked}fffffff\r\n`, '413 Content Too Large'],
    ['a chunk without a size', `${chunked}x\r\n`, '400 Bad Request'],
    ['a size without an end', `${chunked}${'0'.repeat(2_000)}`, '400 Bad Request'],
    ['a head without an end', 'x'.repeat(100_000), '431 Request Header Fields Too Large'],
  ])('are refused for %s', async (_, bytes, status) => {
    const { reader, send } = reading();
    send(bytes);
    expect(await reader.next()).toEqual({ kind: 'refused', status });
  });

  it('get 100 Continue once where they wait for it', async () => {
    const { reader, send, socket } = reading();
    const written = vi.spyOn(socket, 'write').mockReturnValue(true);
    const next = reader.next();
    send(head('Content-Length: 2', 'Expect: 100-continue'));
    await Promise.resolve();
    send('h');
    await Promise.resolve();
    send('i');
    expect(await next).toMatchObject({ request: { body: 'hi' } });
    expect(written.mock.calls).toEqual([['HTTP/1.1 100 Continue\r\n\r\n']]);
  });

  it('end with their socket', async () => {
    const { reader, send, socket } = reading();
    send(head('Content-Length: 5'));
    socket.emit('end');
    expect(await reader.next()).toEqual({ kind: 'ended' });
  });

  it('are read in one step a chunk, however the chunks come', async () => {
    const { reader, send } = reading();
    const next = reader.next();
    send(chunked);
    await Promise.resolve();
    const looks = vi.spyOn(Buffer.prototype, 'indexOf');
    try {
      for (let read = 0; read < 100; read += 1) {
        send('1\r\nx\r\n'.repeat(100));
        await Promise.resolve();
      }
      send('0\r\n\r\n');
      expect(await next).toMatchObject({ request: { body: 'x'.repeat(10_000) } });
      expect(looks.mock.calls.length).toBeLessThan(11_000);
    } finally {
      looks.mockRestore();
    }
  });
});
