import { connect, type Socket } from 'node:net';
import type { LoadTarget } from './load-job.ts';
import { StreamChecker, type StreamListener } from './stream-checker.ts';

/** All sockets of the process read into this one: what comes is checked before the next read. */
const readBuffer = Buffer.allocUnsafe(65_536);

/** One request at a time, over one connection that is opened on demand. */
export class ClientConnection {
  /** Bytes received, heads and framing included. */
  bytes = 0;
  private readonly target: LoadTarget;
  private readonly checker = new StreamChecker();
  private socket: Socket | undefined;
  private listener: StreamListener | undefined;

  constructor(target: LoadTarget) {
    this.target = target;
  }

  /** Sends the request; the listener gets its answer. */
  ask(request: string, tag: number, records: number, listener: StreamListener): void {
    this.listener = listener;
    this.checker.begin(tag, records, {
      record: (writtenUs) => listener.record(writtenUs),
      whole: (reusable) => {
        this.listener = undefined;
        if (!reusable) this.close();
        listener.whole(reusable);
      },
      broken: (reason) => this.broken(reason),
    });
    this.socket ??= this.open();
    this.socket.write(request, 'latin1');
  }

  close(): void {
    this.socket?.destroy();
    this.socket = undefined;
  }

  private broken(reason: string): void {
    const { listener } = this;
    this.listener = undefined;
    this.close();
    listener?.broken(reason);
  }

  private open(): Socket {
    const { host, port } = this.target;
    const socket = connect({
      host,
      port,
      noDelay: true,
      onread: {
        buffer: readBuffer,
        callback: (length) => {
          this.bytes += length;
          if (this.socket === socket) this.checker.push(readBuffer, length);
          return true;
        },
      },
    });
    socket.on('error', (error) => {
      if (this.socket === socket && this.listener !== undefined) this.broken(error.message);
    });
    socket.on('close', () => {
      if (this.socket !== socket) return;
      this.socket = undefined;
      if (this.listener !== undefined) this.checker.closed();
    });
    return socket;
  }
}

/** The request's bytes, all of one length for one order; the prompt is the last thing in them. */
export function requestTo(target: LoadTarget, prompt: string, keepAlive: boolean): string {
  const body = JSON.stringify({
    model: target.model,
    stream: true,
    messages: [{ role: 'user', content: prompt }],
  });
  return (
    `POST ${target.path} HTTP/1.1\r\nHost: ${target.host}:${target.port}\r\nAuthorization: Bearer ${target.key}\r\n` +
    `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n` +
    `${target.headers ?? ''}${keepAlive ? '' : 'Connection: close\r\n'}\r\n${body}`
  );
}
