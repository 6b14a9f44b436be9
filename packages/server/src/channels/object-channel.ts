import { deserialize, serialize } from 'node:v8';
import type { ByteChannel, Channel } from './contract.ts';

/** A channel of values over one of bytes: whatever can be cloned between threads can be sent, also maps, and members that are undefined. */
export function objectChannel(bytes: ByteChannel): Channel {
  return {
    send: (message) => bytes.send(new Uint8Array(serialize(message))),
    onMessage: (listener) => bytes.onMessage((message) => listener(deserialize(message))),
    onClose: bytes.onClose,
    close: bytes.close,
  };
}
