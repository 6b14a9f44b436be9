import { createConnection, type Socket } from 'node:net';
import { crc32 } from 'node:zlib';

/** Many readers of one answer, each on a connection of its own. The caller closes them. */
export interface Crowd {
  /** Resolves when each has received its first bytes. */
  readonly begun: Promise<unknown>;
  /** Resolves when each has received its whole answer; rejects where one has not. */
  readonly whole: Promise<readonly CrowdReader[]>;
  close(): void;
}

export interface CrowdReader {
  /** Of everything behind the head, as it was framed for HTTP: one event is one chunk. */
  readonly checksum: number;
  readonly reads: number;
  /** Milliseconds between its reads. */
  readonly gaps: readonly number[];
}

/** The request asks for a connection of its own (`Connection: close`). */
export function startCrowd(count: number, port: number, request: Buffer): Crowd {
  const readers = Array.from({ length: count }, () => startReader(port, request));
  const whole = Promise.all(readers.map((reader) => reader.whole));
  // A crowd that only waits is closed before its answers are whole.
  whole.catch(() => {});
  return {
    begun: Promise.all(readers.map((reader) => reader.begun)),
    whole,
    close() {
      for (const { socket } of readers) socket.destroy();
    },
  };
}

interface StartedReader {
  readonly socket: Socket;
  readonly begun: Promise<void>;
  readonly whole: Promise<CrowdReader>;
}

const end = 'data: [DONE]\n\n\r\n0\r\n\r\n';

/** It does as little as it can for each read: the clients must not be slower than the server. */
function startReader(port: number, request: Buffer): StartedReader {
  const begun = Promise.withResolvers<void>();
  const whole = Promise.withResolvers<CrowdReader>();
  const socket = createConnection({ port, host: '127.0.0.1' });
  const gaps: number[] = [];
  let checksum = 0;
  let head: Buffer | undefined = Buffer.alloc(0);
  let lastMs = 0;
  let last = '';

  const bodyCame = (bytes: Buffer): void => {
    checksum = crc32(bytes, checksum);
    last = `${last}${bytes.toString('latin1', Math.max(0, bytes.length - end.length))}`.slice(-end.length);
  };
  const headCame = (before: Buffer, bytes: Buffer): void => {
    head = Buffer.concat([before, bytes]);
    const headEnd = head.indexOf('\r\n\r\n');
    if (headEnd === -1) return;
    bodyCame(head.subarray(headEnd + 4));
    head = undefined;
    begun.resolve();
  };

  socket.on('data', (bytes) => {
    const nowMs = performance.now();
    if (lastMs > 0) gaps.push(nowMs - lastMs);
    lastMs = nowMs;
    if (head === undefined) bodyCame(bytes);
    else headCame(head, bytes);
  });
  socket.once('end', () => {
    if (last.endsWith('data: [DONE]\n\n\r\n0\r\n\r\n'))
      whole.resolve({ checksum, reads: gaps.length + 1, gaps });
    else whole.reject(new Error(`an answer ends in ${JSON.stringify(last)}`));
  });
  socket.once('error', whole.reject);
  socket.write(request);
  return { socket, begun: begun.promise, whole: whole.promise };
}

/** A reader that takes one byte a second from its socket. The returned function closes it. */
export function startCreepingReader(port: number, request: Buffer): () => void {
  const socket = createConnection({
    ...{ port, host: '127.0.0.1' },
    onread: {
      buffer: Buffer.alloc(1),
      callback: () => {
        timer = setTimeout(() => socket.resume(), 1_000);
        return false;
      },
    },
  });
  let timer: NodeJS.Timeout | undefined;
  // The server may give it up.
  socket.on('error', () => {});
  socket.write(request);
  return () => {
    clearTimeout(timer);
    socket.destroy();
  };
}
