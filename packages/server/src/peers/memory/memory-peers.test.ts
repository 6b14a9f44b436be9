import { describePeers } from '../contract.suite.ts';
import { createMemoryPeers } from './memory-peers.ts';

describePeers('in memory', {
  async openGroup(count, answerMs) {
    const group = createMemoryPeers(answerMs);
    return Array.from({ length: count }, () => group.join());
  },
});
