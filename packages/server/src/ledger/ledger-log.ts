/** What the ledger says to the log of its service. */
export interface LedgerLog {
  warn(message: string, fields?: Readonly<Record<string, string | number>>): void;
  error(message: string, fields?: Readonly<Record<string, string | number>>): void;
  info(message: string, fields?: Readonly<Record<string, string | number>>): void;
}
