/** What a worker says of connections: messages of one turn of the event loop leave together. */
export interface ConnectionNotes {
  /** The worker has taken these over: the parent closes its own descriptors. */
  readonly took: readonly number[];
  /** So many that it had taken over have closed. */
  readonly closed: number;
}
