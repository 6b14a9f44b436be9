import { connectToRedis, type RedisConnection } from '../../redis/redis-connection.ts';

/** Hears one channel. */
export interface ChannelListener {
  /** Messages come from now on: after {@link Channels.join}, and after each loss of the connection. Some may be missing before it. */
  joined(): void;
  message(bytes: Buffer): void;
}

/** The channels that this process hears, over one connection. It connects by itself and joins them again after each loss. */
export class Channels {
  private readonly connection: RedisConnection;
  private readonly listeners = new Map<string, Set<ChannelListener>>();

  constructor(url: string) {
    this.connection = connectToRedis({
      url,
      scripts: [],
      reconnectMs: (attempt) => Math.min(500, 10 * 2 ** (attempt - 1)),
      // The other connection has the same ones, and says them.
      onError: () => {},
      onReady: () => this.joinAll(),
    });
    this.connection.client.on('messageBuffer', (channel: Buffer, message: Buffer) => {
      for (const listener of this.listeners.get(channel.toString('latin1')) ?? []) listener.message(message);
    });
  }

  get connected(): boolean {
    return this.connection.client.status === 'ready';
  }

  join(channel: string, listener: ChannelListener): void {
    const known = this.listeners.get(channel);
    if (known === undefined) this.listeners.set(channel, new Set([listener]));
    else known.add(listener);
    this.subscribe([channel], [listener]);
  }

  leave(channel: string, listener: ChannelListener): void {
    const known = this.listeners.get(channel);
    known?.delete(listener);
    if (known === undefined || known.size > 0) return;
    this.listeners.delete(channel);
    this.connection.client.unsubscribe(channel).catch(() => undefined);
  }

  /** Asks whether the connection still lives: without an answer it is opened anew. */
  check(): void {
    this.connection.client.ping().catch(() => undefined);
  }

  close(): void {
    this.connection.close();
  }

  private joinAll(): void {
    if (this.listeners.size === 0) return;
    this.subscribe(
      [...this.listeners.keys()],
      [...this.listeners.values()].flatMap((some) => [...some]),
    );
  }

  private subscribe(channels: readonly string[], listeners: readonly ChannelListener[]): void {
    // Without a connection the next one joins all.
    if (this.connection.client.status !== 'ready') return;
    this.connection.client.subscribe(...channels).then(
      () => {
        for (const listener of listeners) listener.joined();
      },
      (error: unknown) => {
        // A server that refuses (it loads, it has a password) is asked again with the next connection.
        if (this.connection.client.status === 'ready' && error instanceof Error) {
          this.connection.client.disconnect(true);
        }
      },
    );
  }
}
