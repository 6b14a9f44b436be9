/**
 * A way for messages between two threads or processes of this server: a port of a thread, or one channel of a link between
 * processes. Both ends are of one version.
 */
export interface Channel<Message = unknown> {
  send(message: Message): void;
  onMessage(listener: (message: Message) => void): void;
  /** The other side has ended. Called at once where it has ended before. */
  onClose(listener: () => void): void;
  close(): void;
}

/** A channel whose messages are bytes that it does not read. They belong to the receiver. */
export type ByteChannel = Channel<Uint8Array<ArrayBuffer>>;
