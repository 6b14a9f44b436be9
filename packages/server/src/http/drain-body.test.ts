import { createServer, IncomingMessage } from 'node:http';
import { connect, Socket } from 'node:net';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { drainBody } from './drain-body.ts';

/** Pieces that are drained of a body that never ends. */
async function drained(piece: string, atMost: number): Promise<number> {
  const request = new IncomingMessage(new Socket());
  request.headers['transfer-encoding'] = 'chunked';
  let done = false;
  const draining = drainBody(request, false).then(() => {
    done = true;
  });
  let pieces = 0;
  while (!done && !request.isPaused() && pieces < atMost) {
    request.push(Buffer.from(piece));
    pieces += 1;
    await turn();
  }
  request.destroy();
  await draining;
  return pieces;
}

it('reads a mebibyte of a refused body', async () => {
  expect(await drained('x'.repeat(64 * 1024), 100)).toBe(16);
});

it.each([64 * 1024, 1])(
  'a client that goes on sending, first in pieces of %i bytes, reads the answer',
  async (bytes) => {
    const server = createServer(async (request, response) => {
      response.writeHead(413, { connection: 'close', 'content-length': '2' }).write('no');
      await drainBody(request, false);
      response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const client = connect({ port, host: '127.0.0.1', noDelay: true });
    const errors: Error[] = [];
    client.on('error', (error) => errors.push(error));
    client.pause();
    client.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n');
    const piece = Buffer.alloc(bytes, 'x');
    for (let sent = 0; sent < 300; sent += 1) {
      client.write(piece);
      if (sent % 10 === 0) await sleep(1);
    }
    client.write(Buffer.alloc(12 * 1024 * 1024));
    await sleep(300);

    const answer = await new Promise<string>((resolve) =>
      client.once('data', (text) => resolve(String(text))).resume(),
    );

    expect(answer).toMatch(/^HTTP\/1\.1 413 [\s\S]*no$/);
    expect(errors).toEqual([]);
    client.destroy();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  },
);

it('reads 256 pieces of a body that comes byte by byte', async () => {
  expect(await drained('x', 5_000)).toBe(256);
});
