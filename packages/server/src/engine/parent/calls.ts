import { type Failure, failure } from '../../domain/failure.ts';
import type { PhaseTimes } from '../../domain/stream-event.ts';
import type { GenerateMessage } from '../between/protocol.ts';
import type { CallStream } from './call-stream.ts';

/** One open request of the engine. */
export interface Call {
  readonly message: GenerateMessage;
  readonly stream: CallStream;
  /** `waiting` until the child has given it a sequence. A waiting call survives the death of the child. */
  phase: 'waiting' | 'running';
  sent: boolean;
  /** True when the client has left and the child has not yet freed the place. */
  left: boolean;
  /** The number of children that died while the call waited. */
  outlived: number;
  readonly addedAt: number;
  takenAt: number;
  promptTokens: number;
  cachedTokens: number;
  /** Tokens that the child has sampled until now, of all choices. */
  sampledTokens: number;
  /** Sum over the choices that have finished. */
  completionTokens: number;
  reasoningTokens: number;
  /** The number of choices that have not finished. */
  unfinished: number;
  /** By choice, the tool call that has begun and has no arguments yet. */
  readonly bareToolCalls: Map<number, number>;
  readonly completionId: string;
  readonly release: () => void;
}

/**
 * The list of open calls. It limits their number, and decides which calls end when the child dies.
 *
 * Each choice of a call takes a place or waits for one. `queue` limits the choices that wait. A key that has less than
 * its share of a full queue may still add calls, up to twice `queue` in all, so no key can fill the queue for others.
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
  /** The times of a call whose prompt has been read at this moment. */
  phases(call: Call): PhaseTimes;
  delete(call: Call): void;
  all(): readonly Call[];
  /** Calls that no child has yet, oldest first. */
  unsent(): readonly Call[];
  count(): number;
  load(): { readonly running: number; readonly waiting: number };
  /** The failure for one more call; undefined where it can be added. An idle model accepts every call. */
  refusal(wanted: Pick<GenerateMessage, 'model' | 'keyId' | 'choices'>): Failure | undefined;
  /**
   * To be called when the child has died. Waiting calls stay, for the next child. The others are removed and returned:
   * `cut` were running, `refused` have waited through too many deaths.
   */
  crashed(): { readonly cut: readonly Call[]; readonly refused: readonly Call[] };
}

export interface CallsOptions {
  /** The most choices that wait, over all models. */
  readonly queue: number;
  sequencesOf(model: string): number;
  readonly now: () => number;
}

/** The estimated time of a request before the first has ended. */
const guessMs = 3000;
const shortestRetryMs = 250;
const longestRetryMs = 60_000;
/** A request that waited while so many children died may be their cause, and has waited long. */
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

  /** The number of choices without a place. */
  function waitingOf(counts: ReadonlyMap<string, number>): number {
    let waiting = 0;
    for (const [id, count] of counts) waiting += Math.max(0, count - options.sequencesOf(id));
    return waiting;
  }

  /** True where a key stays within its share: the queue divided by the keys that wait. */
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
        addedAt: options.now(),
        takenAt: 0,
        promptTokens: 0,
        cachedTokens: 0,
        sampledTokens: 0,
        completionTokens: 0,
        bareToolCalls: new Map(),
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
    phases: ({ addedAt, takenAt }) => ({ queueMs: takenAt - addedAt, promptMs: options.now() - takenAt }),
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
      // The time for half of the queue: then there are free places, and refused clients do not all return at once.
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
