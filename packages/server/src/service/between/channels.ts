/** The channels of the link between the parent and a worker, by their numbers. */
export const channels = {
  /** Calls in both directions (`calls.ts`). */
  calls: 0,
  /** Lines for the log, as bytes. */
  log: 1,
  /** Connections that the worker has taken over, and those that have closed (`connection-notes.ts`). */
  connections: 2,
  engine: 3,
  journal: 4,
  /** What processes of one service ask of each other; not used with Redis. */
  peers: 5,
  /** The first one to the ledger; the next one follows where the ledger's thread has ended. */
  ledger: 16,
} as const;
