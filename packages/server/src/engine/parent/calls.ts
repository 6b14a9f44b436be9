import { type Failure, failure } from '../../domain/failure.ts';
import type { GenerateMessage } from '../between/protocol.ts';
import type { CallStream } from './call-stream.ts';

/** One request that the engine owes something. */
export interface Call {
  readonly message: GenerateMessage;
  readonly stream: CallStream;
  /** `waiting` until the child gives it a sequence: until then nothing is lost with the child. */
  phase: 'waiting' | 'running';
  sent: boolean;
  /** The client is gone; the place is not free yet. */
  left: boolean;
  /** Children that died while it waited. */
  outlived: number;
  takenAt: number;
  promptTokens: number;
  cachedTokens: number;
  /** Over the choices that have finished. */
  completionTokens: number;
  reasoningTokens: number;
  /** Choices that have not finished. */
  unfinished: number;
  readonly completionId: string;
  readonly release: () => void;
}

/**
 * The list of open calls: how many there may be, and what becomes of them when the child dies.
 *
 * Each choice of a call takes a place, or waits for one. What waits is bounded by `queue`, and nobody can fill that
 * for others: a key that holds less than its share of a full queue still gets in, up to twice `queue` in all.
 */
export interface Calls {
  add(
    message: Omit<GenerateMessage, 'id'>,
    completionId: string,
    stream: CallStream,
    release: () => void,
  ): Call;
  get(id: number): Call | undefined;
  taken(call: Call): void;
  delete(call: Call): void;
  all(): readonly Call[];
  /** Calls that wait for a child, oldest first. */
  unsent(): readonly Call[];
  count(): number;
  load(): { readonly running: number; readonly waiting: number };
  /** Why one more call can't be taken, where that is so. A model that does nothing takes any call. */
  refusal(wanted: Pick<GenerateMessage, 'model' | 'keyId' | 'choices'>): Failure | undefined;
  /**
   * The child is gone. Calls that only waited stay, to be sent to the next one; the others are dropped and
   * returned: those that were running, and those that have waited through too many deaths.
   */
  crashed(): { readonly cut: readonly Call[]; readonly refused: readonly Call[] };
}

export interface CallsOptions {
  /** Choices that may wait beyond the sequences, over all models. */
  readonly queue: number;
  sequencesOf(model: string): number;
  readonly now: () => number;
}

/** What a request takes until the first one has told. */
const guessMs = 3000;
const shortestRetryMs = 250;
const longestRetryMs = 60_000;
/** A request that has outlived so many children is what kills them, or soon will wait too long. */
const mostOutlived = 2;

export function createCalls(options: CallsOptions): Calls {
  const calls = new Map<number, Call>();
  let lastId = 0;
  let averageMs = guessMs;

  /** Choices of each model that have not ended. */
  function perModel(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const { message, unfinished } of calls.values()) {
      counts.set(message.model, (counts.get(message.model) ?? 0) + Math.max(1, unfinished));
    }
    return counts;
  }

  /** Of choices that want a place, how many wait for one. */
  function waitingOf(counts: ReadonlyMap<string, number>): number {
    let waiting = 0;
    for (const [id, count] of counts) waiting += Math.max(0, count - options.sequencesOf(id));
    return waiting;
  }

  /** True where a key asks for no more of the queue than the keys that wait there can have each. */
  function withinShare(keyId: string, choices: number): boolean {
    const waiting = new Map<string, number>([[keyId, 0]]);
    for (const { message, phase } of calls.values()) {
      if (phase !== 'waiting') continue;
      waiting.set(message.keyId, (waiting.get(message.keyId) ?? 0) + message.choices);
    }
    const own = waiting.get(keyId) ?? 0;
    return own === 0 ? waiting.size > 1 : own + choices <= Math.ceil(options.queue / waiting.size);
  }

  function load(): { running: number; waiting: number } {
    let running = 0;
    for (const call of calls.values()) if (call.phase === 'running') running++;
    return { running, waiting: calls.size - running };
  }

  return {
    add(message, completionId, stream, release) {
      const call: Call = {
        message: { ...message, id: ++lastId },
        stream,
        phase: 'waiting',
        sent: false,
        left: false,
        outlived: 0,
        takenAt: 0,
        promptTokens: 0,
        cachedTokens: 0,
        completionTokens: 0,
        reasoningTokens: 0,
        unfinished: message.choices,
        completionId,
        release,
      };
      calls.set(lastId, call);
      return call;
    },
    get: (id) => calls.get(id),
    taken(call) {
      call.phase = 'running';
      call.takenAt = options.now();
    },
    delete(call) {
      if (!calls.delete(call.message.id)) return;
      call.release();
      if (call.phase === 'running') averageMs = 0.8 * averageMs + 0.2 * (options.now() - call.takenAt);
    },
    all: () => [...calls.values()],
    unsent: () => [...calls.values()].filter((call) => !call.sent),
    count: () => calls.size,
    load,
    refusal({ model, keyId, choices }) {
      const sequences = options.sequencesOf(model);
      const counts = perModel();
      const before = counts.get(model) ?? 0;
      if (before === 0 || before + choices <= sequences) return undefined;
      counts.set(model, before + choices);
      const waiting = waitingOf(counts);
      if (waiting <= options.queue) return undefined;
      if (waiting <= 2 * options.queue && withinShare(keyId, choices)) return undefined;
      // Half the queue ahead: by then a place in it is free, and not every refused client comes at one moment.
      const estimateMs = (averageMs * Math.max(1, waiting / 2)) / Math.max(1, sequences);
      return failure('overloaded', 'The local engine is busy and its queue is full. Try again later.', {
        retryAfterMs: Math.round(Math.min(Math.max(estimateMs, shortestRetryMs), longestRetryMs)),
      });
    },
    crashed() {
      const cut: Call[] = [];
      const refused: Call[] = [];
      for (const call of [...calls.values()]) {
        call.sent = false;
        call.outlived++;
        if (call.phase === 'running') cut.push(call);
        else if (call.outlived >= mostOutlived) refused.push(call);
        else if (!call.left) continue;
        calls.delete(call.message.id);
        call.release();
      }
      return { cut, refused };
    },
  };
}
