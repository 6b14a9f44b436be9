import type { LimitLease, LimitScope, Windows } from '../limits/contract.ts';
import type {
  Admitted,
  Change,
  Intent,
  KeyBook,
  OnceFor,
  Progress,
  RequestContent,
  Settled,
  StoreReads,
  WaitingEvents,
  Written,
} from '../storage/contract.ts';
import type { Reading } from '../telemetry/contract.ts';
import type { WebhookState } from './webhook.ts';

/**
 * The one place of a service that decides limits and writes records. It runs off the event loop of the processes that serve,
 * which call it by message; several of them may share it. The service's store and limiter are known only there.
 */
export interface Ledger extends StoreReads {
  /**
   * Admits a request: takes from the limits, checks the budgets and stores the intent. When this resolves with `admitted`, a
   * killed process does not lose the intent. Never rejects. Each admitted request is settled or discarded once.
   */
  admit(ask: AdmissionAsk): Promise<Admission>;
  /** Whether a request without a budget would find a place for its intent now, in the store or in the spool. Never rejects. */
  canAdmit(): Promise<boolean>;
  /** Notes what has been delivered; does not wait. */
  progress(marks: readonly Progress[]): void;
  /**
   * Settles an admitted request; does not wait. What the store cannot take now is kept and stored later. The same ending may be
   * settled again: that changes nothing. `onKept` is called when it lies in the spool or in the store, and outlives the ledger.
   */
  settle(ending: Ending, onKept?: () => void): void;
  /**
   * Keeps what was asked and answered of one request, with secrets masked; resolves when it is stored, or was given up: a store that is away
   * or too slow loses contents, which no record depends on. Never rejects.
   */
  keepContent(content: RequestContent): Promise<void>;
  /** The content of a completion; undefined where none is kept, or its retention is over. */
  content(id: string): Promise<RequestContent | undefined>;
  /** Masks these secrets in contents from now on, and those of calls before as long as they are remembered. */
  mask(secrets: readonly string[], keyPrefix: string): Promise<void>;
  /** What is left of the limits, for the headers of other answers. Never rejects. */
  look(scopes: readonly LimitScope[]): Promise<Windows>;
  /** What the whole ledger has counted, for all processes that it serves. */
  reading(): Promise<Reading>;
  /** The webhook and the events that wait for it; undefined where there is none. */
  webhook(): Promise<WebhookStatus | undefined>;
  change(change: Change, once?: OnceFor): Promise<Written>;
  /** Notes that a key was used; does not wait. */
  touch(keyId: string, atMs: number): void;
  /**
   * Calls `listener` with all keys and the signing secret first, then with each change within a second of it, made by whichever
   * replica. Resolves after the first call. Rejects where the store cannot be read. A change through this ledger is answered when the
   * listeners of all its processes have returned, or resolved; one that takes longer than a second is not waited for.
   */
  watchKeys(listener: KeyListener): Promise<void>;
  /** Resolves when everything that was settled has been stored, or lies in the spool on disk; then it is closed. */
  close(): Promise<void>;
}

/** Takes over a change of the keys; it has done so when it returns, or when the promise that it returns resolves. */
export type KeyListener = (book: KeyBook) => unknown;

export interface WebhookStatus extends WaitingEvents, WebhookState {}

export interface AdmissionAsk {
  readonly scopes: readonly LimitScope[];
  /** Without its process: the ledger knows who calls. */
  readonly intent: Omit<Intent, 'processId'>;
}

export type Admission =
  | { readonly type: 'admitted'; readonly lease: LimitLease; readonly windows: Windows }
  | {
      readonly type: 'limited';
      readonly limit: 'requests' | 'tokens' | 'streams';
      readonly scope: string;
      readonly retryAfterMs: number;
      readonly windows: Windows;
    }
  | {
      readonly type: 'over-budget';
      readonly refused: Extract<Admitted, { ok: false }>;
      readonly windows: Windows;
    }
  /** A store is away, or the spool is full. */
  | { readonly type: 'unavailable'; readonly what: 'limits' | 'records' };

/** The end of an admitted request. `nothing`: it has reached no target, and leaves no record. */
export type Ending =
  | { readonly type: 'settled'; readonly record: Settled; readonly lease: LimitLease }
  | {
      readonly type: 'nothing';
      readonly id: string;
      readonly createdAtMs: number;
      readonly lease: LimitLease;
    };

/** The completion that an ending is of. */
export function idOfEnding(ending: Ending): string {
  return ending.type === 'settled' ? ending.record.id : ending.id;
}

/** The lease of a request whose key and owner have no limits: nothing is settled for it. */
export function withoutLimits(processId: string): LimitLease {
  return { processId, scopes: [], reservedTokens: 0, takenAtMs: 0, marks: [] };
}
