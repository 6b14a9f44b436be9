import { createConnection, createServer, type Socket } from 'node:net';

/** A TCP balancer, as those before replicas are: it asks each `/readyz`, and gives new connections to the ready ones in turn. */
export interface Balancer {
  readonly port: number;
  /** The ports that it balances over. A new one counts as ready once it has said so. */
  setTargets(ports: readonly number[]): void;
  /** Connections that it has given to each port so far. */
  given(): ReadonlyMap<number, number>;
  close(): Promise<void>;
}

/** A replica that drains gets connections for so long after it has begun, as with real balancers. */
const checkMs = 200;

/** The caller closes it. */
export async function startBalancer(): Promise<Balancer> {
  const sockets = new Set<Socket>();
  const given = new Map<number, number>();
  const ready = new Set<number>();
  let targets: readonly number[] = [];
  let turn = 0;

  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.setNoDelay(true);
    // 'close' follows and is handled.
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
  };

  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (near) => {
    keep(near);
    const first = turn;
    turn += 1;
    const some = targets.filter((port) => ready.has(port));
    join(
      near,
      some.map((_, index) => some[(first + index) % some.length] ?? 0),
    );
  });

  /** Joins the connection to the first of these ports that takes it. */
  function join(near: Socket, [port, ...others]: readonly number[]): void {
    if (port === undefined) {
      near.resetAndDestroy();
      return;
    }
    const far = createConnection({ port, host: '127.0.0.1', allowHalfOpen: true });
    keep(far);
    const refused = (): void => join(near, others);
    far.once('error', refused);
    far.once('connect', () => {
      far.off('error', refused);
      given.set(port, (given.get(port) ?? 0) + 1);
      // Passed on with back-pressure; an end by its end.
      near.pipe(far).pipe(near);
      // When one side is closed or reset, the other one is, too.
      near.once('close', (hadError) => (hadError ? far.resetAndDestroy() : far.destroySoon()));
      far.once('close', (hadError) => (hadError ? near.resetAndDestroy() : near.destroySoon()));
    });
  }

  async function check(port: number): Promise<void> {
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`, { signal: AbortSignal.timeout(1_000) })
      .then(async (response) => {
        await response.arrayBuffer();
        return response.ok;
      })
      .catch(() => false);
    if (answer) ready.add(port);
    else ready.delete(port);
  }

  const timer = setInterval(() => {
    for (const port of targets) void check(port);
  }, checkMs);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a balancer without a port');
  return {
    port: address.port,
    setTargets(ports) {
      targets = ports;
      for (const port of ready) if (!ports.includes(port)) ready.delete(port);
    },
    given: () => given,
    async close() {
      clearInterval(timer);
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
