import type { Settled } from '../storage/contract.ts';

/**
 * The seam between the processes of one service: what they ask of each other while they serve. Replicas speak through Redis
 * (`redis/`); a service of one process has nobody to ask (`no-peers.ts`). Each adapter must pass `contract.suite.ts`.
 *
 *     route ──cancel──▶ Peers ──order──▶ each other process ──▶ PeerDuties.cancel ──▶ its run
 *                         ◀──────── status of the one that runs it ─────────
 *
 * An order is a plain value, so that it can travel as a message. It may be lost, and the process that carries it out may end:
 * then the caller gets no answer, and asks the store what has become of the completion.
 */
export interface Peers {
  /** Gives this process its duties; at most once. Before that it answers that it runs nothing. */
  serve(duties: PeerDuties): void;
  /**
   * Has the process that runs a completion stop it, this process left out. Resolves with the completion's status once it has
   * ended there; undefined where no other process runs it, where the others cannot be reached, or where the answer takes longer
   * than the adapter waits. Without an answer the order may have been carried out all the same. Never rejects.
   */
  cancel(order: CancelOrder): Promise<EndedStatus | undefined>;
  /** Ends the connections; calls that wait resolve with undefined. */
  close(): Promise<void>;
}

/** What a process does for its peers. */
export interface PeerDuties {
  /** Stops a completion that this process runs, and resolves with its status once it has ended; undefined where it runs no such one. */
  cancel(order: CancelOrder): Promise<EndedStatus | undefined>;
}

export interface CancelOrder {
  /** The id of the completion. */
  readonly id: string;
  /** The completion must be one of this key; absent: of any key, for the administration. */
  readonly keyId?: string;
}

/** The status of a usage record that is settled. */
export type EndedStatus = Settled['status'];
