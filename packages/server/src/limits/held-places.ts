import type { HeldPlaces, LimitScope } from './contract.ts';

/**
 * The running streams of each process of this service and each scope, and what the store does not know for certain. A scope
 * stays in the book while streams run in it, or while the outcome of a call is unknown; so it is restored to 0, too.
 */
export interface HeldBook {
  /** A call of a process is sent, or would be if the store were there. */
  open(processId: string, scopes: readonly LimitScope[]): void;
  /** The store has answered the call. */
  answered(processId: string, scopes: readonly LimitScope[]): void;
  /** Streams have begun (1) or ended (−1). */
  count(processId: string, scopes: readonly LimitScope[], streams: 1 | -1): void;
  /** Tokens of a settlement that the store does not have; negative: to be given back. */
  owe(processId: string, scopes: readonly LimitScope[], tokens: number): void;
  /** The process has ended, with its streams. */
  forget(processId: string): void;
  /** Everything in the book. */
  list(): readonly HeldPlaces[];
  /** Everything in the book has been given to the store. */
  restored(): void;
  /** It has not reached the store after all. */
  missed(held: readonly HeldPlaces[]): void;
}

interface Entry {
  scope: LimitScope;
  streams: number;
  /** Calls without an answer. */
  open: number;
  owedTokens: number;
}

/** Creates an empty book. */
export function createHeldBook(): HeldBook {
  const processes = new Map<string, Map<string, Entry>>();

  function each(processId: string, scopes: readonly LimitScope[], change: (entry: Entry) => void): void {
    const entries = processes.get(processId) ?? new Map<string, Entry>();
    processes.set(processId, entries);
    for (const scope of scopes) {
      const entry = entries.get(scope.scope) ?? { scope, streams: 0, open: 0, owedTokens: 0 };
      entry.scope = scope;
      change(entry);
      entries.set(scope.scope, entry);
      dropSettled(entries, entry);
    }
    if (entries.size === 0) processes.delete(processId);
  }

  function dropSettled(entries: Map<string, Entry>, { scope, streams, open, owedTokens }: Entry): void {
    if (streams === 0 && open === 0 && owedTokens === 0) entries.delete(scope.scope);
  }

  return {
    open(processId, scopes) {
      each(processId, scopes, (entry) => {
        entry.open += 1;
      });
    },
    answered(processId, scopes) {
      each(processId, scopes, (entry) => {
        entry.open = Math.max(0, entry.open - 1);
      });
    },
    count(processId, scopes, streams) {
      each(processId, scopes, (entry) => {
        if (entry.scope.maxStreams !== undefined) entry.streams = Math.max(0, entry.streams + streams);
      });
    },
    owe(processId, scopes, tokens) {
      each(processId, scopes, (entry) => {
        if (entry.scope.tokensPerMinute !== undefined) entry.owedTokens += tokens;
      });
    },
    forget(processId) {
      processes.delete(processId);
    },
    list() {
      return [...processes].flatMap(([processId, entries]) =>
        [...entries.values()].map(({ scope, streams, owedTokens }) => ({
          processId,
          scope,
          streams,
          owedTokens,
        })),
      );
    },
    restored() {
      for (const [processId, entries] of processes) {
        for (const entry of entries.values()) {
          entry.open = 0;
          entry.owedTokens = 0;
          dropSettled(entries, entry);
        }
        if (entries.size === 0) processes.delete(processId);
      }
    },
    missed(held) {
      for (const { processId, scope, owedTokens } of held) {
        each(processId, [scope], (entry) => {
          entry.open += 1;
          // A return that may have been made already is not made again.
          entry.owedTokens += Math.max(0, owedTokens);
        });
      }
    },
  };
}
