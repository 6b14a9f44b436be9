import type { Ending, Ledger } from '../contract.ts';

/** A ledger without a store, for tests of rooms above it: it admits every request, keeps its endings, and has no keys. */
export interface OpenHandedLedger extends Ledger {
  readonly endings: Ending[];
}

export function createOpenHandedLedger(): OpenHandedLedger {
  const endings: Ending[] = [];
  const nothing = async () => undefined;
  const emptyPage = async () => ({ data: [], hasMore: false });
  const emptyBook = { version: 0, keys: [], owners: [], deletedOwners: [] };
  return {
    endings,
    admit: async ({ scopes }) => ({
      type: 'admitted',
      lease: { processId: 'test', scopes, reservedTokens: 0, takenAtMs: 0, marks: [] },
      windows: {},
    }),
    canAdmit: async () => true,
    progress: () => {},
    settle: (ending, onKept) => {
      endings.push(ending);
      onKept?.();
    },
    look: async () => ({}),
    reading: async () => ({ figures: [], histograms: [] }),
    webhook: nothing,
    keepContent: nothing,
    content: nothing,
    mask: nothing,
    change: async () => ({ type: 'missing' }),
    touch: () => {},
    watchKeys: async (listener) => void (await listener(emptyBook)),
    close: async () => {},
    keysAfter: async () => emptyBook,
    keyByHash: nothing,
    key: nothing,
    keys: emptyPage,
    owner: nothing,
    owners: emptyPage,
    records: emptyPage,
    usage: async () => [],
    spent: async () => [],
  };
}
