/** The places for runs that this process may fill. Where several processes share a limit, each has borrowed a part of it. */
export interface Places {
  /** How many runs this process may have now. */
  limit(): number;
  /** Called where they are taken: borrows more, where there are free ones. Never rejects. */
  more(): Promise<void>;
}
