import { createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ListenAddress } from '../config/config.ts';
import { answerRequest, type WallRuntime } from './answer-request.ts';
import { ownSocket } from './connection.ts';
import { errorAnswer } from './http-bytes.ts';
import { holdRefusePort, type RefusePort } from './refuse-port.ts';
import { createRequestReader } from './request-reader.ts';
import { createCounters, type WallStats } from './stats.ts';

/**
 * The fault wall: an OpenAI-compatible server that misbehaves on request. It writes to raw sockets, because an HTTP server
 * would correct faults that are intended.
 */
export interface Wall {
  /** Binds. Rejects with the system's error (EADDRINUSE, EACCES, …). Resolves with the real port. */
  listen(address: ListenAddress): Promise<number>;
  stats(): WallStats;
  /** Ends every play and connection at once, and the listener; resolves when all are closed. */
  close(): Promise<void>;
}

export interface WallDeps {
  /** Unix time in milliseconds. Default: the system's clock. */
  readonly now?: () => number;
  /** Rejects when the signal aborts. Default: the system's timers. */
  readonly sleep?: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  /** The pause after each of the first pieces of a stream, in milliseconds. Default: as each fault has it, mostly 1 ms. */
  readonly paceMs?: number;
  /** True: the wall does not keep its process running. */
  readonly unref?: boolean;
  /** Called with a bug of the wall; its connection is closed. Default: a warning of the process. */
  readonly onBug?: (error: unknown) => void;
}

export function createWall(deps: WallDeps = {}): Wall {
  const counters = createCounters();
  const sockets = new Set<Socket>();
  let refusePort: RefusePort | undefined;
  const runtime: WallRuntime = {
    counters,
    paceMs: deps.paceMs ?? 0,
    now: deps.now ?? Date.now,
    sleep: deps.sleep ?? ((milliseconds, signal) => sleep(milliseconds, undefined, { signal })),
    refusePort: () => refusePort?.port ?? 0,
    onBug: deps.onBug ?? warnOf,
  };
  const server = createServer((socket) => {
    if (deps.unref === true) socket.unref();
    sockets.add(socket);
    counters.connectionsOpen += 1;
    socket.once('close', () => {
      sockets.delete(socket);
      counters.connectionsOpen -= 1;
    });
    void serve(socket, runtime);
  });

  return {
    async listen(address) {
      const port = await bind(server, address);
      if (deps.unref === true) server.unref();
      refusePort = await holdRefusePort(address.host);
      return port;
    },
    stats: () => counters.stats(runtime.refusePort()),
    async close() {
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      for (const socket of sockets) socket.destroy();
      await Promise.all([closed, refusePort?.release()]);
    },
  };
}

const notHttp =
  'The request is not well-formed HTTP/1.1, or larger than the wall takes: 64 KiB of headers, 16 MiB of body.';

function warnOf(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : String(error));
}

/** One connection, request after request. Never rejects. */
async function serve(socket: Socket, runtime: WallRuntime): Promise<void> {
  const connection = ownSocket(socket, (bytes) => {
    runtime.counters.bytesWritten += bytes;
  });
  const reader = createRequestReader(socket);
  try {
    for (;;) {
      const read = await reader.next();
      if (read.kind === 'ended') return;
      if (read.kind === 'refused') {
        await connection.write(errorAnswer(read.status, 'invalid_request_error', 'invalid_value', notHttp));
        return;
      }
      if ((await answerRequest(connection, read.request, runtime)) === 'close') return;
    }
  } catch (error) {
    runtime.onBug(error);
  } finally {
    connection.fin();
  }
}

function bind(server: Server, { host, port }: ListenAddress): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      // From now on an error concerns one accepted connection (too many open files), and only that one is lost.
      server.on('error', () => {});
      const bound = server.address();
      resolve(typeof bound === 'object' && bound !== null ? bound.port : port);
    });
  });
}
