import { createConnection, createServer, type Socket } from 'node:net';
import type { AtEnd } from '../../../testing/services.ts';
import { RespValues, wordsOf } from './resp-values.ts';

/**
 * What happens to one call. `cut-before`: the connection is lost before Redis gets it. `cut-after`: Redis carries it out, and the
 * connection is lost before the answer. `-…`: this error is the answer, and Redis does not get it.
 */
export type Fault = 'cut-before' | 'cut-after' | `-${string}` | undefined;

/** A proxy before a Redis that harms single calls, or stands still as a whole. */
export interface RedisProxy {
  readonly url: string;
  /** Decides on each script call by its number, from 1 on. Other commands pass. */
  fault: (call: number, words: readonly string[]) => Fault;
  /** Script calls that have come. */
  calls: number;
  /** Nothing passes any more, in neither direction, and connections stay open. */
  stalled: boolean;
  /** By how much answers come later, in milliseconds. */
  lateMs: number;
  /** Ends all connections; new ones are accepted. */
  cut(): void;
}

/** Starts a proxy on a free port. */
export async function startRedisProxy(target: string, atEnd: AtEnd): Promise<RedisProxy> {
  const { hostname, port, pathname } = new URL(target);
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const redis = createConnection(Number(port), hostname);
    for (const socket of [client, redis]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        redis.destroy();
      });
    }
    carry(client, redis, proxy);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const ownPort = typeof address === 'object' && address !== null ? address.port : 0;
  const proxy: RedisProxy = {
    url: `redis://127.0.0.1:${ownPort}${pathname}`,
    fault: () => undefined,
    calls: 0,
    stalled: false,
    lateMs: 0,
    cut() {
      for (const socket of sockets) socket.destroy();
    },
  };
  atEnd(async () => {
    proxy.cut();
    await new Promise((resolve) => server.close(resolve));
  });
  return proxy;
}

/** Each answer belongs to the oldest call without one; an error of the proxy waits for its turn. */
function carry(client: Socket, redis: Socket, proxy: RedisProxy): void {
  const commands = new RespValues();
  const answers = new RespValues();
  const expected: Fault[] = [];
  let subscribes = false;
  const answerErrors = () => {
    for (;;) {
      const [next] = expected;
      if (next === undefined || !next.startsWith('-')) return;
      expected.shift();
      client.write(`${next}\r\n`);
    }
  };
  client.on('data', (bytes) => {
    if (proxy.stalled) return;
    commands.push(bytes);
    for (let command = commands.next(); command !== undefined; command = commands.next()) {
      const words = wordsOf(command);
      const name = words[0]?.toLowerCase() ?? '';
      if (name === 'subscribe') subscribes = true;
      let fault: Fault;
      if (name === 'evalsha' || name === 'eval') {
        proxy.calls += 1;
        fault = proxy.fault(proxy.calls, words);
      }
      if (fault === 'cut-before') {
        client.destroy();
        return;
      }
      if (!subscribes) expected.push(fault);
      if (fault?.startsWith('-')) answerErrors();
      else redis.write(command);
    }
  });
  redis.on('data', (bytes) => {
    if (proxy.stalled) return;
    if (subscribes) {
      client.write(bytes);
      return;
    }
    answers.push(bytes);
    for (let answer = answers.next(); answer !== undefined; answer = answers.next()) {
      if (expected.shift() === 'cut-after') {
        client.destroy();
        return;
      }
      if (proxy.lateMs > 0) {
        setTimeout(() => client.write(answer), proxy.lateMs);
        continue;
      }
      client.write(answer);
      answerErrors();
    }
  });
}
