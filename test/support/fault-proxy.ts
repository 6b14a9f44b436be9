import { createConnection, createServer, type Socket } from 'node:net';

/** Socket operations that can fail, as seen by the side that connects to the proxy. */
export const socketOperations = ['connect', 'write', 'read'] as const;
export type SocketOperation = (typeof socketOperations)[number];

export interface FaultPlan {
  /** Every n-th of these operations fails, counted over all connections from the moment the plan is set. */
  readonly every: number;
  readonly operations: readonly SocketOperation[];
  /**
   * `reset` ends the connection with RST; `torn` passes half of the bytes on and then ends the connection
   * in order.
   */
  readonly how: 'reset' | 'torn';
}

/** A TCP relay whose socket operations fail on demand. The caller closes it. */
export interface FaultProxy {
  readonly port: number;
  /** Where connections lead. May be set before the first one. */
  target: number;
  /** Undefined: nothing fails. Setting it starts counting anew. */
  plan(plan: FaultPlan | undefined): void;
  /** Operations since the plan was set, and how many of them failed. */
  counted(): { readonly operations: number; readonly failed: number };
  /** Ends every connection, so that the next request finds a dead one or opens another. */
  drop(): void;
  /** Connections from this side that are open now. */
  open(): number;
  close(): Promise<void>;
}

export async function startFaultProxy(target = 0): Promise<FaultProxy> {
  const sockets = new Set<Socket>();
  let current: FaultPlan | undefined;
  let operations = 0;
  let failed = 0;
  let open = 0;

  const fails = (operation: SocketOperation): boolean => {
    if (current?.operations.includes(operation) !== true) return false;
    operations += 1;
    if (operations % current.every !== 0) return false;
    failed += 1;
    return true;
  };

  const server = createServer({ allowHalfOpen: true }, (near) => {
    open += 1;
    near.once('close', () => {
      open -= 1;
    });
    keep(near);
    if (fails('connect')) {
      near.resetAndDestroy();
      return;
    }
    const far = createConnection({ port: proxy.target, host: '127.0.0.1', allowHalfOpen: true });
    keep(far);
    join(near, far, 'write');
    join(far, near, 'read');
    // When one side ends, the other is ended in the same way.
    const follow = (from: Socket, to: Socket) =>
      from.once('close', (hadError) => (hadError ? to.resetAndDestroy() : to.destroySoon()));
    follow(near, far);
    follow(far, near);
  });

  function keep(socket: Socket): void {
    sockets.add(socket);
    socket.setNoDelay(true);
    // 'close' follows and is handled.
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
  }

  /** Passes bytes on read by read, with back-pressure, until an operation has to fail. */
  function join(from: Socket, to: Socket, operation: SocketOperation): void {
    from.on('data', (bytes) => {
      if (from.destroyed || to.destroyed) return;
      if (!fails(operation)) {
        if (to.write(bytes)) return;
        from.pause();
        to.once('drain', () => from.resume());
        return;
      }
      if (current?.how === 'torn') {
        from.removeAllListeners('data').resume();
        to.end(bytes.subarray(0, bytes.length >> 1));
        from.destroySoon();
      } else {
        from.resetAndDestroy();
        to.resetAndDestroy();
      }
    });
    from.once('end', () => to.end());
  }

  function drop(): void {
    for (const socket of sockets) socket.resetAndDestroy();
  }

  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a proxy without a port');
  const proxy: FaultProxy = {
    port: address.port,
    target,
    plan: (plan) => {
      current = plan;
      operations = 0;
      failed = 0;
    },
    counted: () => ({ operations, failed }),
    drop,
    open: () => open,
    async close() {
      drop();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
    },
  };
  return proxy;
}
