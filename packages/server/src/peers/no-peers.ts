import type { Peers } from './contract.ts';

/** The peers of a service that has one process only. */
export const noPeers: Peers = {
  serve: () => {},
  cancel: async () => undefined,
  close: async () => {},
};
