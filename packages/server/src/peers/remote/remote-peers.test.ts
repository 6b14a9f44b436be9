import { objectChannel } from '../../channels/object-channel.ts';
import { linkedPair } from '../../channels/testing/linked.ts';
import { describePeers } from '../contract.suite.ts';
import { createMemoryPeers } from '../memory/memory-peers.ts';
import { createRemotePeers, servePeers } from './remote-peers.ts';

describePeers('through their parent', {
  async openGroup(count, answerMs) {
    const group = createMemoryPeers(answerMs);
    return Array.from({ length: count }, () => {
      const [own, parents] = linkedPair();
      servePeers(objectChannel(parents.channel(5)), group.join());
      return createRemotePeers(objectChannel(own.channel(5)));
    });
  },
});
