import type { MessagePort } from 'node:worker_threads';
import type { ByteChannel, Channel } from './contract.ts';

/** A channel over a port between two threads. */
export function portChannel(port: MessagePort): Channel {
  return channelOver<unknown>(port, (message) => port.postMessage(message));
}

/** A channel of bytes over a port between two threads: their buffers are handed over, not copied. */
export function bytePortChannel(port: MessagePort): ByteChannel {
  return channelOver<Uint8Array<ArrayBuffer>>(port, (bytes) => port.postMessage(bytes, [bytes.buffer]));
}

function channelOver<Message>(port: MessagePort, send: (message: Message) => void): Channel<Message> {
  return {
    send,
    onMessage: (listener) => {
      port.on('message', listener);
    },
    onClose: (listener) => {
      port.once('close', listener);
    },
    close: () => port.close(),
  };
}
