import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeDirectly, writesDirectly } from './direct-write.ts';
import { listenForPairs, type SocketPairs } from './testing/socket-pairs.ts';

type Write = (socket: Socket, text: string) => boolean;

const byStream: Write = (socket, text) => socket.write(text, 'latin1');

let pairs: SocketPairs;

beforeAll(async () => {
  pairs = await listenForPairs();
});
afterAll(() => pairs.close());

/** Both ends of one connection. */
async function pair(): Promise<{ readonly writer: Socket; readonly reader: Socket }> {
  const { client, accepted } = await pairs.connect();
  return { writer: accepted, reader: client };
}

/** Everything that comes until the other side ends. */
async function readAll(reader: Socket): Promise<string> {
  const pieces: Buffer[] = [];
  reader.on('data', (piece: Buffer) => pieces.push(piece));
  reader.resume();
  await once(reader, 'end');
  return Buffer.concat(pieces).toString('latin1');
}

/** A writer waits for 'drain' where a write asked for it, as a run does. */
async function writeFrames(socket: Socket, frames: readonly string[], write: Write): Promise<number> {
  let drains = 0;
  for (const frame of frames) {
    if (write(socket, frame)) continue;
    expect(socket.writableNeedDrain).toBe(true);
    drains += 1;
    await once(socket, 'drain');
    expect(socket.writableLength).toBe(0);
  }
  return drains;
}

test('this version of Node has what a direct write needs', () => {
  expect(writesDirectly).toBe(true);
});

describe('the reader gets the same bytes as from the stream', () => {
  const folder = new URL('../upstreams', import.meta.url).pathname;
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /fixtures\/.*\.\w+$/.test(name.replaceAll('\\', '/')))
    .map((name) => path.join(folder, name));

  test('on the bytes of every recorded and written answer, line by line', async () => {
    expect(files.length).toBeGreaterThan(5);
    const frames = files.flatMap((file) => readFileSync(file, 'latin1').split(/(?<=\n)/));
    const got = await Promise.all(
      [byStream, writeDirectly].map(async (write) => {
        const { writer, reader } = await pair();
        const all = readAll(reader);
        await writeFrames(writer, frames, write);
        writer.end();
        return await all;
      }),
    );
    expect(got[0]).toBe(frames.join(''));
    expect(got[1]).toBe(got[0]);
  });

  test('whatever is written by either way, with a reader that stops in between', async () => {
    const frame = fc.record({
      length: fc.oneof(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 10_000, max: 40_000 })),
      direct: fc.boolean(),
      pause: fc.boolean(),
      late: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(frame, { minLength: 1, maxLength: 60 }), async (plan) => {
        const { writer, reader } = await pair();
        const all = readAll(reader);
        let sent = '';
        for (const [at, { length, direct, pause, late }] of plan.entries()) {
          const text = String.fromCharCode(97 + (at % 26)).repeat(length);
          sent += text;
          if (pause) reader.pause();
          // A write that does not wait for 'drain' must keep its place too.
          (direct ? writeDirectly : byStream)(writer, text);
          if (late) await new Promise(setImmediate);
          if (pause) reader.resume();
        }
        writer.end();
        expect(await all).toBe(sent);
      }),
      { numRuns: 60 },
    );
  });
});

describe.each([
  ['by the stream', byStream],
  ['directly', writeDirectly],
])('written %s', (_name, write) => {
  const frame = 'x'.repeat(15_000);
  /** Writes until the stream holds `bytes`, which the kernel has no room for. */
  const fill = (writer: Socket, bytes: number): string => {
    let sent = '';
    while (writer.writableLength < bytes) {
      write(writer, frame);
      sent += frame;
    }
    return sent;
  };

  test('a reader that does not read makes the stream hold what comes, and is waited for', async () => {
    const { writer, reader } = await pair();
    reader.pause();
    const sent = fill(writer, 100_000);
    expect(writer.writableNeedDrain).toBe(true);
    const drained = once(writer, 'drain');
    const all = readAll(reader);
    await drained;
    expect(writer.writableLength).toBe(0);
    write(writer, 'the end');
    writer.end();
    expect(await all).toBe(`${sent}the end`);
  });

  test('the stream counts the frame of which the kernel took a part', async () => {
    const { writer, reader } = await pair();
    reader.pause();
    fill(writer, 1);
    expect(writer.writableLength).toBe(frame.length);
    const all = readAll(reader);
    writer.end('!');
    expect((await all).endsWith('x!')).toBe(true);
  });

  test('a writer that is destroyed under a write closes once, and a later write does nothing', async () => {
    const { writer, reader } = await pair();
    reader.pause();
    fill(writer, 1);
    let closed = 0;
    writer.on('close', () => {
      closed += 1;
    });
    writer.destroy();
    expect(write(writer, 'late')).toBe(false);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(closed).toBe(1);
    reader.destroy();
  });

  test('a reader that has gone is an error of the socket', async () => {
    const { writer, reader } = await pair();
    const failed = once(writer, 'error');
    reader.resetAndDestroy();
    const trying = setInterval(() => write(writer, frame), 5);
    const [error] = (await failed) as [NodeJS.ErrnoException];
    clearInterval(trying);
    expect(['ECONNRESET', 'EPIPE']).toContain(error.code);
    await once(writer, 'close');
  });

  test('the end of the stream comes behind the rest of a write', async () => {
    const { writer, reader } = await pair();
    reader.pause();
    const sent = fill(writer, 1);
    writer.end();
    expect(await readAll(reader)).toBe(sent);
  });
});
