import { createCalls } from '../../channels/calls.ts';
import type { Channel } from '../../channels/contract.ts';
import type { CancelOrder, EndedStatus, PeerDuties, Peers } from '../contract.ts';

/** The one call, in both directions. */
type PeerCalls = { cancel(order: CancelOrder): Promise<EndedStatus | undefined> };

/** The other processes, reached through one that has a channel to each ({@link servePeers}). */
export function createRemotePeers(channel: Channel): Peers {
  let own: PeerDuties | undefined;
  const calls: PeerCalls = { cancel: async (order) => own?.cancel(order) };
  const ask = createCalls<PeerCalls>(channel, calls);
  return {
    serve(duties) {
      own = duties;
    },
    // Nobody is left to ask where the channel has closed.
    cancel: (order) => ask('cancel', order).catch(() => undefined),
    async close() {
      channel.close();
    },
  };
}

/** Makes the process at the other end of the channel one of a group, until the channel closes. */
export function servePeers(channel: Channel, member: Peers): void {
  const calls: PeerCalls = { cancel: (order) => member.cancel(order) };
  const ask = createCalls<PeerCalls>(channel, calls);
  member.serve({ cancel: (order) => ask('cancel', order) });
  channel.onClose(() => void member.close());
}
