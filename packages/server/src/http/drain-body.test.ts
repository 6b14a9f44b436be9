import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
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
  while (!done && pieces < atMost) {
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

it('reads 256 pieces of a body that comes byte by byte', async () => {
  expect(await drained('x', 5_000)).toBe(256);
});
