import type { MessagePort } from 'node:worker_threads';
import type { Channel } from './messages.ts';

/** A channel over a port between two threads. */
export function portChannel(port: MessagePort): Channel {
  return {
    send: (message) => port.postMessage(message),
    onMessage: (listener) => {
      port.on('message', listener);
    },
    onClose: (listener) => {
      port.once('close', listener);
    },
    close: () => port.close(),
  };
}
