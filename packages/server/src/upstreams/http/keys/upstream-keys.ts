import type { KeyFault } from '../../../domain/failure.ts';
import { requestHeaders } from '../request/request-json.ts';

/** A provider refused or limited a key, or accepted one that it had refused. */
export interface KeyChange {
  /** Position of the key in the configuration, from 1. */
  readonly position: number;
  /** How many keys the upstream has. */
  readonly of: number;
  readonly became: KeyFault | 'accepted';
  /** How long the key rests from now on, in milliseconds; 0 for an accepted one. */
  readonly restMs: number;
}

type Headers = Readonly<Record<string, string>>;

/**
 * The keys of one upstream. They take turns; one that the provider refuses or limits rests, and the others do its work.
 *
 *     in turn ──refused, limited──▶ resting ──its time is over──▶ on trial ──accepted──▶ in turn
 *                                      ▲                             │
 *                                      └──────── refused, limited ───┘ (a longer rest)
 *
 * A limited key rests for the time that the provider names, else 1 s, which doubles up to 60 s. A refused key rests for 60 s,
 * which doubles up to 10 min. A key on trial gets one request a second: if it fails, few requests pay for that.
 */
export interface UpstreamKeys {
  readonly count: number;
  /** Takes the next key that does not rest. Where all rest, it takes the one that is due first. */
  take(): KeyTurn;
  /** Milliseconds until the first key is due; 0 where one does not rest. */
  dueInMs(): number;
  /** The provider's own headers, with the next key: for a request that takes no turn. */
  headers(): Headers;
  /** What is known of a key, for the keys of the next configuration. */
  recordOf(key: string): KeyRecord | undefined;
}

/** One request with one key. Its end is reported by one of the two functions, or by neither where it says nothing of the key. */
export interface KeyTurn {
  /** Those of every request, and the provider's own with the key. */
  readonly requestHeaders: Headers;
  accepted(): void;
  /** `retryAfterMs`: the time that the provider named, if any. */
  failed(fault: KeyFault, retryAfterMs: number | undefined): void;
}

/** What {@link createUpstreamKeys} needs. */
export interface UpstreamKeysOptions {
  /** In the order of the configuration. Empty: requests have no key. */
  readonly keys: readonly string[];
  /** The provider's own headers. */
  headersOf(key: string | undefined): Headers;
  /** Monotonic milliseconds. */
  now(): number;
  /** The keys of the configuration before a reload: keys that are in both keep their rests. */
  readonly before?: UpstreamKeys | undefined;
  onChange?(change: KeyChange): void;
}

export function createUpstreamKeys(options: UpstreamKeysOptions): UpstreamKeys {
  return new Keys(options);
}

/** The rests of one key. Configurations share it across reloads. */
interface KeyRecord {
  fault: KeyFault | undefined;
  /** How often in a row the key had the same fault. */
  strikes: number;
  /** When it had the last fault. */
  struckMs: number;
  restsUntilMs: number;
}

interface Key {
  readonly text: string | undefined;
  readonly position: number;
  readonly headers: Headers;
  readonly requestHeaders: Headers;
  readonly record: KeyRecord;
}

const trialMs = 1_000;
const rests = {
  limited: { firstMs: 1_000, mostMs: 60_000 },
  refused: { firstMs: 60_000, mostMs: 600_000 },
} as const;
/** Providers name at most the rest of a day. A longer time is a mistake, or would outlive the limit. */
const mostNamedMs = 86_400_000;

class Keys implements UpstreamKeys {
  private readonly now: () => number;
  private readonly onChange: UpstreamKeysOptions['onChange'];
  private readonly keys: readonly Key[];
  private next = 0;

  // Only the records of `before` are kept: a chain of all earlier configurations would never be collected.
  constructor({ keys, headersOf, now, before, onChange }: UpstreamKeysOptions) {
    this.now = now;
    this.onChange = onChange;
    this.keys = (keys.length === 0 ? [undefined] : keys).map((text, index) => {
      const headers = headersOf(text);
      return {
        text,
        position: index + 1,
        headers,
        requestHeaders: { ...requestHeaders, ...headers },
        record: (text === undefined ? undefined : before?.recordOf(text)) ?? newRecord(),
      };
    });
  }

  get count(): number {
    return this.keys.length;
  }

  take(): KeyTurn {
    const atMs = this.now();
    const key = this.choose(atMs);
    this.next = key.position % this.keys.length;
    const { record } = key;
    if (record.strikes > 0) record.restsUntilMs = Math.max(record.restsUntilMs, atMs + trialMs);
    return {
      requestHeaders: key.requestHeaders,
      accepted: () => this.accepted(key, atMs),
      failed: (fault, retryAfterMs) => this.failed(key, atMs, fault, retryAfterMs),
    };
  }

  dueInMs(): number {
    const atMs = this.now();
    return Math.max(0, Math.min(...this.keys.map(({ record }) => record.restsUntilMs)) - atMs);
  }

  headers(): Headers {
    return this.choose(this.now()).headers;
  }

  recordOf(key: string): KeyRecord | undefined {
    return this.keys.find(({ text }) => text === key)?.record;
  }

  private choose(atMs: number): Key {
    const inTurn = [...this.keys.slice(this.next), ...this.keys.slice(0, this.next)];
    const [first] = inTurn;
    if (first === undefined) throw new Error('an upstream without an entry for its key');
    return (
      inTurn.find(({ record }) => record.restsUntilMs <= atMs) ??
      inTurn.reduce((due, key) => (key.record.restsUntilMs < due.record.restsUntilMs ? key : due), first)
    );
  }

  private accepted(key: Key, askedMs: number): void {
    const { record } = key;
    // A request that began before the fault does not show that the fault is over.
    if (record.strikes === 0 || askedMs < record.struckMs) return;
    if (record.fault === 'refused') this.report(key, 'accepted', 0);
    Object.assign(record, newRecord());
  }

  private failed(key: Key, askedMs: number, fault: KeyFault, retryAfterMs: number | undefined): void {
    const { record } = key;
    const atMs = this.now();
    const namedMs =
      fault === 'limited' && retryAfterMs !== undefined ? Math.min(retryAfterMs, mostNamedMs) : undefined;
    if (askedMs < record.struckMs) {
      // Of requests that ran at the same time only the first one counts.
      if (namedMs !== undefined) record.restsUntilMs = Math.max(record.restsUntilMs, atMs + namedMs);
      return;
    }
    record.strikes = record.fault === fault ? record.strikes + 1 : 1;
    record.fault = fault;
    record.struckMs = atMs;
    const { firstMs, mostMs } = rests[fault];
    const restMs = namedMs ?? Math.min(mostMs, firstMs * 2 ** (record.strikes - 1));
    record.restsUntilMs = atMs + restMs;
    // Limits are usual: only the first one in a row is reported.
    if (fault === 'refused' || record.strikes === 1) this.report(key, fault, restMs);
  }

  private report({ position }: Key, became: KeyChange['became'], restMs: number): void {
    this.onChange?.({ position, of: this.keys.length, became, restMs });
  }
}

function newRecord(): KeyRecord {
  return {
    fault: undefined,
    strikes: 0,
    struckMs: Number.NEGATIVE_INFINITY,
    restsUntilMs: Number.NEGATIVE_INFINITY,
  };
}
