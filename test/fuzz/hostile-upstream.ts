import { type AddressInfo, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createDice } from './dice.ts';
import { type Dialect, dialects, goodStreams } from './good-streams.ts';
import { markIn, promptMark } from './planted.ts';
import { playFor, type Step } from './upstream-plays.ts';

/** A server of every dialect whose answers are cases. A request without a case of its own gets a good stream. */
export interface HostileUpstream {
  readonly port: number;
  /** From now on plays the cases of that seed, each from its first attempt on. */
  begin(seed: number): void;
  close(): Promise<void>;
}

export async function startHostileUpstream(): Promise<HostileUpstream> {
  let seed = 0;
  const sockets = new Set<Socket>();
  /** Attempts of each case: a second attempt is drawn anew from the same dice. */
  const attempts = new Map<number, number>();
  const inTurn = createLargeTurns();
  let port = 0;

  function stepsFor(head: string, body: string): readonly Step[] {
    const dialect: Dialect = dialects.find((name) => head.includes(` /${name}/`)) ?? 'openai';
    const mark = markIn(body);
    if (mark?.surface !== 'upstream') return goodAnswer(dialect);
    const attempt = attempts.get(mark.index) ?? 0;
    attempts.set(mark.index, attempt + 1);
    if (attempts.size > 5_000) attempts.clear();
    const dice = createDice(seed, 'upstream', mark.index, attempt);
    return playFor(dice, { dialect, mark: promptMark(mark.surface, mark.index), port });
  }

  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    let waiting = Buffer.alloc(0);
    let playing: Promise<void> = Promise.resolve();
    socket.on('data', (bytes) => {
      waiting = Buffer.concat([waiting, bytes]);
      for (let request = firstRequest(waiting); request !== undefined; request = firstRequest(waiting)) {
        const { head, body, length } = request;
        waiting = waiting.subarray(length);
        playing = playing.then(() => {
          const steps = stepsFor(head, body);
          return inTurn(steps, () => play(socket, steps));
        });
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
  return {
    port,
    begin: (next) => {
      seed = next;
      attempts.clear();
    },
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

function firstRequest(bytes: Buffer) {
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const head = bytes.toString('latin1', 0, headEnd);
  const bodyLength = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
  const length = headEnd + 4 + bodyLength;
  if (bytes.length < length) return undefined;
  // The mark of a case is in its last message, so for a long body its end is enough.
  const body = bytes.toString('latin1', Math.max(headEnd + 4, length - 100_000), length);
  return { head, body, length };
}

/** A play with more bytes is large. */
const largeBytes = 128 * 1024;

/**
 * Large plays take turns: the campaign looks for the cost of one answer. Eight at once would measure a machine of two cores
 * that plays both sides.
 */
function createLargeTurns(): (steps: readonly Step[], run: () => Promise<void>) => Promise<void> {
  let last: Promise<void> = Promise.resolve();
  return (steps, run) => {
    const bytes = steps.reduce((sum, step) => sum + (step.do === 'write' ? step.bytes.length : 0), 0);
    if (bytes < largeBytes) return run();
    last = last.then(run);
    return last;
  };
}

async function play(socket: Socket, steps: readonly Step[]): Promise<void> {
  for (const step of steps) {
    if (socket.destroyed) return;
    switch (step.do) {
      case 'write':
        if (!socket.write(step.bytes)) await drained(socket);
        break;
      case 'pause':
        await sleep(step.ms);
        break;
      case 'end':
        socket.end();
        return;
      case 'reset':
        socket.resetAndDestroy();
        return;
    }
  }
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      socket.off('drain', settle).off('close', settle);
      resolve();
    };
    socket.on('drain', settle).on('close', settle);
  });
}

function goodAnswer(dialect: Dialect): readonly Step[] {
  const body = goodStreams[dialect].find((events) => events.length > 3 && !events.join('').includes('tool'));
  const text = (body ?? []).join('');
  const head = `HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n`;
  return [{ do: 'write', bytes: Buffer.from(head + text) }];
}
