import { createConnection, createServer, type Socket } from 'node:net';
import { parseResponses, type RawResponse } from './http-bytes.ts';
import { expectTrueStream, type StreamExpectation } from './stream-check.ts';

/**
 * A TCP relay between a client and the server that keeps the server's bytes, so that the stream grammar is
 * checked on every stream that an SDK reads, also where the SDK tolerates mistakes.
 */
export interface Tap {
  readonly port: number;
  readonly origin: string;
  /** Connections opened so far. */
  connections(): number;
  /** Responses on all connections since the last call. */
  take(): RawResponse[];
  /** Checks the streams among them; a stream that the client left early is checked as far as it came. */
  checkStreams(expectation?: StreamExpectation): void;
  close(): Promise<void>;
}

interface Recording {
  readonly bytes: Buffer[];
  serverEnded: boolean;
  clientLeft: boolean;
}

export async function startTap(targetPort: number): Promise<Tap> {
  let recordings: Recording[] = [];
  const sockets = new Set<Socket>();
  let opened = 0;
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = createConnection({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true });
    const recording: Recording = { bytes: [], serverEnded: false, clientLeft: false };
    recordings.push(recording);
    opened += 1;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => {});
      socket.on('close', () => sockets.delete(socket));
    }
    upstream.on('data', (bytes) => recording.bytes.push(bytes));
    upstream.on('end', () => {
      recording.serverEnded = true;
    });
    const noteWhoEnded = (): void => {
      recording.clientLeft ||= !recording.serverEnded;
    };
    client.on('end', noteWhoEnded);
    client.on('close', () => {
      noteWhoEnded();
      upstream.destroy();
    });
    upstream.on('close', (hadError) => (hadError ? client.resetAndDestroy() : client.end()));
    client.pipe(upstream);
    upstream.pipe(client);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a tap without a port');

  const take = (): { response: RawResponse; left: boolean }[] => {
    const found = recordings.flatMap((recording) =>
      parseResponses(Buffer.concat(recording.bytes), { closed: recording.serverEnded }).map((response) => ({
        response,
        left: recording.clientLeft,
      })),
    );
    for (const recording of recordings) recording.bytes.length = 0;
    recordings = recordings.filter((recording) => !recording.serverEnded && !recording.clientLeft);
    return found;
  };

  return {
    port: address.port,
    origin: `http://127.0.0.1:${address.port}`,
    connections: () => opened,
    take: () => take().map(({ response }) => response),
    checkStreams(expectation = {}) {
      for (const { response, left } of take()) {
        if (response.header('content-type')?.startsWith('text/event-stream') !== true) continue;
        expectTrueStream(response.body, { ...expectation, left: left && !response.complete });
      }
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
    },
  };
}
