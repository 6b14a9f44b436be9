import type { Channel } from '../../packages/server/src/channels/contract.ts';
import type { Mortal } from './mortal.ts';
import type { VirtualTime } from './virtual-time.ts';

/** The two ends of a channel between two processes. What one sends, the other receives as a copy, unless one of them dies. */
export function memoryChannel(time: VirtualTime, one: Mortal, other: Mortal): readonly [Channel, Channel] {
  const listeners: [((message: unknown) => void)[], ((message: unknown) => void)[]] = [[], []];
  const ends: [(() => void)[], (() => void)[]] = [[], []];
  let closed = false;

  function close(): void {
    if (closed) return;
    closed = true;
    time.immediately(() => {
      if (!one.dead) for (const end of ends[0]) end();
      if (!other.dead) for (const end of ends[1]) end();
    });
  }
  one.onDeath(close);
  other.onDeath(close);

  function end(own: 0 | 1, self: Mortal, peer: Mortal): Channel {
    return {
      send(message) {
        self.effect();
        if (self.dead || closed) return;
        const copy: unknown = structuredClone(message);
        time.immediately(() => {
          // What was sent before a death arrives after it.
          if (!peer.dead) for (const listener of listeners[own === 0 ? 1 : 0]) listener(copy);
        });
      },
      onMessage: (listener) => void listeners[own].push(listener),
      onClose: (listener) => void ends[own].push(listener),
      close,
    };
  }
  return [end(0, one, other), end(1, other, one)];
}
