import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createBodyBudget } from './body-budget.ts';
import { receiveBody } from './receive-body.ts';

const kibibyte = 1024;
const mebibyte = 1024 ** 2;

interface Given {
  readonly maxBytes?: number;
  readonly declaredBytes?: number;
  readonly capacityBytes?: number;
}

/** A request on its way in, and what its body held at every growth of its buffer. */
function receiving({ maxBytes = 10 * mebibyte, declaredBytes, capacityBytes = 128 * mebibyte }: Given = {}) {
  const request = new IncomingMessage(new Socket());
  const budget = createBodyBudget(() => capacityBytes);
  const share = budget.open('key');
  const sizes: number[] = [];
  const received = receiveBody(request, {
    maxBytes,
    declaredBytes,
    share: {
      fits: (bytes) => share.fits(bytes),
      everFits: (bytes) => share.everFits(bytes),
      resize(bytes) {
        sizes.push(bytes);
        return share.resize(bytes);
      },
      release: () => share.release(),
    },
  });
  return { request, received, sizes };
}

/** Pushes the pieces in one turn, as the parser does with one read of the socket. */
async function send(request: IncomingMessage, pieces: readonly string[], end = true): Promise<void> {
  for (const piece of pieces) request.push(Buffer.from(piece));
  if (end) request.push(null);
  await turn();
}

describe('a body that is received', () => {
  it('is the bytes of its pieces in order', async () => {
    const { request, received } = receiving();
    await send(request, ['{"a"', ':', '1}']);
    expect(await received).toEqual({ ok: true, value: Buffer.from('{"a":1}') });
  });

  it('may be empty', async () => {
    const { request, received, sizes } = receiving();
    await send(request, []);
    expect(await received).toEqual({ ok: true, value: Buffer.alloc(0) });
    expect(sizes).toEqual([]);
  });

  it('holds what it has declared, where that is little', async () => {
    const { request, received, sizes } = receiving({ declaredBytes: 4 });
    await send(request, ['ab', 'cd']);
    expect(await received).toMatchObject({ ok: true });
    expect(sizes).toEqual([4]);
  });

  it('holds no more than it has sent, whatever it has declared', async () => {
    const { request, sizes } = receiving({ declaredBytes: 10 * mebibyte });
    await send(request, [], false);
    expect(sizes).toEqual([]);
    await send(request, ['{'], false);
    expect(sizes).toEqual([64 * kibibyte]);
    request.destroy();
  });

  it('is one buffer that grows up to the limit, without an object for each piece', async () => {
    const { request, received, sizes } = receiving({ maxBytes: 1_000_000 });
    for (let sent = 0; sent < 1_000_000; sent += 1_000) await send(request, ['x'.repeat(1_000)], false);
    request.push(null);
    expect(await received).toMatchObject({ ok: true });
    expect(sizes).toEqual([65_536, 262_144, 1_000_000]);
  });
});

describe('a body that is refused', () => {
  it('is larger than the limit', async () => {
    const { request, received } = receiving({ maxBytes: 3 });
    await send(request, ['ab', 'cd'], false);
    expect(await received).toMatchObject({ ok: false, failure: { code: 'body_too_large' } });
  });

  it('is cut off by its client', async () => {
    const { request, received } = receiving();
    await send(request, ['{"a'], false);
    request.destroy();
    expect(await received).toMatchObject({ ok: false, failure: { code: 'invalid_json' } });
  });

  it('comes in pieces of one byte: two thousand of them are read, and no more', async () => {
    const { request, received } = receiving();
    let read = 0;
    request.on('data', () => {
      read += 1;
    });
    await send(
      request,
      Array.from({ length: 2_000 }, () => ' '),
    );
    expect(await received).toMatchObject({ ok: true });
    const tinyPieces = receiving();
    await send(
      tinyPieces.request,
      Array.from({ length: 3_000 }, () => ' '),
      false,
    );
    expect(await tinyPieces.received).toMatchObject({
      ok: false,
      failure: { code: 'invalid_value', message: expect.stringContaining('larger chunks') },
    });
    expect(tinyPieces.request.socket.isPaused()).toBe(true);
    expect(read).toBe(2_000);
  });

  it('may come in any number of pieces that are not tiny', async () => {
    const { request, received } = receiving();
    await send(
      request,
      Array.from({ length: 20_000 }, () => 'sixteen bytes it'),
    );
    expect(await received).toMatchObject({ ok: true });
  });

  it('has no room: at once where its length is declared, else when it grows', async () => {
    const declared = receiving({ declaredBytes: mebibyte, capacityBytes: mebibyte });
    expect(await declared.received).toMatchObject({
      ok: false,
      failure: { code: 'overloaded', retryAfterMs: 1_000 },
    });
    const chunked = receiving({ capacityBytes: mebibyte });
    await send(chunked.request, ['x'.repeat(600 * kibibyte)], false);
    expect(await chunked.received).toMatchObject({ ok: false, failure: { code: 'overloaded' } });
  });
});
