/** What `GET /wall/stats` shows: tests find leaks and aborts by it. */
export interface WallStats {
  /** Without the connection of this request. */
  readonly connections_open: number;
  /** Faults being played now. */
  readonly in_flight: number;
  /** By fault, since the start or the last reset. */
  readonly requests: Readonly<Record<string, number>>;
  /** Plays that ended because the peer left first, by fault. */
  readonly aborted_by_peer: Readonly<Record<string, number>>;
  readonly bytes_written: number;
  /** The port at which every connection is refused. */
  readonly refuse_port: number;
}

/** The counters behind `/wall/stats`. `reset` does not change what is open now. */
export interface Counters {
  connectionsOpen: number;
  inFlight: number;
  bytesWritten: number;
  /** Numbers every request since the start. */
  nextSerial(): number;
  /** Counts a request; returns how many there were for this fault, and for this fault with these messages. */
  asked(fault: string, promptDigest: string): { readonly asked: number; readonly withThesePrompts: number };
  abortedByPeer(fault: string): void;
  reset(): void;
  stats(refusePort: number): WallStats;
}

/** Prompts that are remembered; beyond them the oldest is forgotten. */
const maxPrompts = 10_000;

export function createCounters(): Counters {
  const requests = new Map<string, number>();
  const aborted = new Map<string, number>();
  const prompts = new Map<string, number>();
  let serial = 0;

  const count = (map: Map<string, number>, key: string): number => {
    const value = (map.get(key) ?? 0) + 1;
    map.set(key, value);
    return value;
  };

  const counters: Counters = {
    connectionsOpen: 0,
    inFlight: 0,
    bytesWritten: 0,
    nextSerial: () => {
      serial += 1;
      return serial;
    },
    asked(fault, promptDigest) {
      const withThesePrompts = count(prompts, `${fault} ${promptDigest}`);
      const [oldest] = prompts.keys();
      if (prompts.size > maxPrompts && oldest !== undefined) prompts.delete(oldest);
      return { asked: count(requests, fault), withThesePrompts };
    },
    abortedByPeer: (fault) => void count(aborted, fault),
    reset() {
      requests.clear();
      aborted.clear();
      prompts.clear();
      counters.bytesWritten = 0;
    },
    stats: (refusePort) => ({
      connections_open: counters.connectionsOpen,
      in_flight: counters.inFlight,
      requests: Object.fromEntries(requests),
      aborted_by_peer: Object.fromEntries(aborted),
      bytes_written: counters.bytesWritten,
      refuse_port: refusePort,
    }),
  };
  return counters;
}
