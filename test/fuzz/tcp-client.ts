import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** What a client sends, and how it behaves meanwhile. */
export interface Sending {
  /** Written one after the other. */
  readonly pieces: readonly Buffer[];
  /** Between two pieces, in milliseconds. */
  readonly pauseMs?: number;
  /** Closes at once after so many bytes of the answer. */
  readonly leaveAfterBytes?: number;
  /** Closes its half after the last piece. */
  readonly halfClose?: boolean;
  /** How long it waits after the last byte in either direction, in milliseconds. */
  readonly patienceMs: number;
}

export interface Received {
  readonly bytes: Buffer;
  /** `silence`: the client's patience ran out. */
  readonly end: 'end' | 'reset' | 'left' | 'silence';
  readonly durationMs: number;
}

/** One connection from its first byte to its last. Never rejects. */
export async function send(port: number, sending: Sending): Promise<Received> {
  const startedMs = performance.now();
  const chunks: Buffer[] = [];
  let received = 0;
  let settle: (end: Received['end']) => void = () => {};
  let ended = false;
  const over = new Promise<Received['end']>((resolve) => {
    settle = (end) => {
      ended = true;
      resolve(end);
    };
  });
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  socket.setTimeout(sending.patienceMs, () => settle('silence'));
  socket.on('data', (bytes) => {
    chunks.push(bytes);
    received += bytes.length;
    if (received >= (sending.leaveAfterBytes ?? Number.POSITIVE_INFINITY)) settle('left');
  });
  socket.on('end', () => settle('end'));
  socket.on('error', () => settle('reset'));
  socket.on('close', () => settle('reset'));
  for (const piece of sending.pieces) {
    if (ended) break;
    if (!socket.write(piece)) {
      await Promise.race([new Promise((resolve) => socket.once('drain', resolve)), over]);
    }
    if (sending.pauseMs !== undefined) await sleep(sending.pauseMs);
  }
  if (sending.halfClose === true && !ended) socket.end();
  const end = await over;
  socket.destroy();
  return { bytes: Buffer.concat(chunks), end, durationMs: performance.now() - startedMs };
}
