import { idOf } from '../../packages/server/src/ledger/apply-entries.ts';
import type { RecordSpool, SpoolEntry } from '../../packages/server/src/ledger/spool-entry.ts';
import type {
  Admitted,
  Intent,
  Progress,
  Settled,
  Store,
} from '../../packages/server/src/storage/contract.ts';

/** What a store or a spool has taken so far, seen from outside: no death of a process may undo it. */
export interface KeptFacts {
  /** Every intent, with its reservation as the store has cut it. */
  readonly intents: ReadonlyMap<string, Intent>;
  /** Every progress of each, in order. */
  readonly marks: ReadonlyMap<string, readonly Progress[]>;
  readonly settled: ReadonlyMap<string, Settled>;
  readonly discarded: ReadonlySet<string>;
  /** Closed for a process that was dead, or was thought dead. */
  readonly presumed: ReadonlySet<string>;
  /** Calls that were given up, and are still to be carried out. */
  readonly tardyCalls: number;
  /** When the last of it was kept of a request, on a disk that may lose it in a power failure. */
  readonly spooledAtMs: ReadonlyMap<string, number>;
  /** A call of a store was carried out. */
  stored(name: keyof Store, args: readonly unknown[], result: unknown): void;
  /** A call was given up, and will be carried out all the same; then the caller calls the result. */
  tardy(): () => void;
  /** The spool, which notes what it keeps. */
  watch(spool: RecordSpool, log: (line: string) => void): RecordSpool;
}

export function createKeptFacts(monotonic: () => number): KeptFacts {
  const intents = new Map<string, Intent>();
  const marks = new Map<string, Progress[]>();
  const settled = new Map<string, Settled>();
  const discarded = new Set<string>();
  const presumed = new Set<string>();
  let tardyCalls = 0;
  const spooledAtMs = new Map<string, number>();

  function note(entry: SpoolEntry): string {
    const id = idOf(entry);
    switch (entry.type) {
      case 'intent':
        if (!intents.has(id)) intents.set(id, entry.intent);
        return id;
      case 'progress':
        marks.set(id, [...(marks.get(id) ?? []), entry.mark]);
        return id;
      case 'settled':
        if (!settled.has(id)) settled.set(id, entry.record);
        return id;
      case 'discarded':
        discarded.add(id);
        return id;
      case 'refused':
        return id;
    }
  }

  return {
    intents,
    marks,
    settled,
    discarded,
    presumed,
    get tardyCalls() {
      return tardyCalls;
    },
    spooledAtMs,
    stored(name, args, result) {
      // The arguments and results of these methods are those of the contract.
      if (name === 'admit') {
        const answers = result as readonly Admitted[];
        for (const [at, intent] of (args[0] as readonly Intent[]).entries()) {
          const answer = answers[at];
          if (answer?.ok === true && !intents.has(intent.id)) {
            intents.set(intent.id, { ...intent, reserved: answer.reserved });
          }
        }
      }
      if (name === 'keep')
        for (const intent of args[0] as readonly Intent[]) note({ type: 'intent', intent });
      if (name === 'progress')
        for (const mark of args[0] as readonly Progress[]) note({ type: 'progress', mark });
      if (name === 'settle')
        for (const record of args[0] as readonly Settled[]) note({ type: 'settled', record });
      if (name === 'closeDead') for (const id of result as readonly string[]) presumed.add(id);
      if (name === 'discard') for (const { id } of args[0] as readonly { id: string }[]) discarded.add(id);
    },
    tardy() {
      tardyCalls += 1;
      return () => {
        tardyCalls -= 1;
      };
    },
    watch: (spool, log) => ({
      append(entries, kind) {
        const answer = spool.append(entries, kind);
        log(`spool ${answer}: ${entries.map((entry) => `${entry.type} ${idOf(entry)}`).join(', ')}`);
        if (answer === 'kept') for (const entry of entries) spooledAtMs.set(note(entry), monotonic());
        return answer;
      },
      read: () => spool.read(),
      acknowledge: (position) => spool.acknowledge(position),
      reject: (entry) => spool.reject(entry),
      get empty() {
        return spool.empty;
      },
      get bytes() {
        return spool.bytes;
      },
      get end() {
        return spool.end;
      },
      get acknowledged() {
        return spool.acknowledged;
      },
      close: () => spool.close(),
    }),
  };
}
