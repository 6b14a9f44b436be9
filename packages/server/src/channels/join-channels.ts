import type { ByteChannel } from './contract.ts';

/** Passes on what comes on one of two channels to the other one, unread, until one of them closes; then both are closed. */
export function joinChannels(one: ByteChannel, other: ByteChannel): void {
  one.onMessage(other.send);
  other.onMessage(one.send);
  one.onClose(other.close);
  other.onClose(one.close);
}
