/**
 * Global admission: while the process has too little memory left, or its event loop is late, new completions are refused, and
 * running ones continue.
 *
 *     idle ──a completion begins──▶ measuring ──over a limit──▶ shedding
 *      ▲                            │  ▲                           │
 *      └──────no run for 5 s────────┘  └──below its end for 2 s────┘
 *
 * Nothing is measured for an event of a stream. While completions run, one timer fires every 20 ms; while none run, there is no
 * timer.
 */
import { type Failure, failure } from '../domain/failure.ts';
import type { Histogram } from '../telemetry/contract.ts';
import type { Log } from '../telemetry/log.ts';

/** When new completions are refused. */
export interface ShedLimits {
  /** The share of a limit of memory, from 0 to 1. */
  readonly memory: number | 'off';
  /** How late the event loop may be, in milliseconds. */
  readonly loopDelayMs: number | 'off';
}

/** How much of one limit of memory is in use. */
export interface MemoryUse {
  /** From 0 to 1. */
  readonly share: number;
  /** The limit, for the log: `the heap limit`. */
  readonly of: string;
}

export interface LoadShed {
  /** The failure for a new completion (`overloaded`); undefined where it may begin. Called before each completion. */
  refusal(): Failure | undefined;
}

/** What {@link createLoadShed} needs. */
export interface LoadShedDeps {
  /** The limits of the configuration in force. */
  limits(): ShedLimits;
  /** How many completions run. Where none does, a refusal would free nothing, so there is none. */
  running(): number;
  /** The use of the limit that is nearest. */
  memory(): MemoryUse;
  /** Monotonic milliseconds. */
  now(): number;
  /** Calls `tick` every so many milliseconds, until the returned function is called. */
  every(milliseconds: number, tick: () => void): () => void;
  readonly log: Pick<Log, 'warn' | 'info'>;
  /** How late the event loop is, of each 20 ms while completions run. */
  readonly delays: Histogram;
}

const tickMs = 20;
/** The load is judged twice a second, the loop by what the last two windows measured. */
const windowMs = 500;
/** Shedding ends where this many windows in a row are below the ends of their limits. */
const calmWindows = 4;
const idleWindows = 10;
/**
 * Shedding begins above a limit and ends below this part of it. The used memory of the heap falls with each collection and
 * rises until the next one: without the distance it would cross one line with each.
 */
const endOf = { memory: 0.9, loopDelay: 0.5 };
const retryAfterMs = 2_000;

export function createLoadShed(deps: LoadShedDeps): LoadShed {
  return new Shed(deps);
}

/** Times between two ticks: their sum, and the sum of their squares. */
interface TickTimes {
  readonly sum: number;
  readonly squares: number;
}

const noTimes: TickTimes = { sum: 0, squares: 0 };

class Shed implements LoadShed {
  private readonly deps: LoadShedDeps;
  private stop: (() => void) | undefined;
  private lastTickMs = 0;
  private windowBegunMs = 0;
  private sum = 0;
  private squares = 0;
  private lastWindow = noTimes;
  /** Why completions are refused; undefined where they are not. */
  private reason: string | undefined;
  private calm = 0;
  private idle = 0;

  constructor(deps: LoadShedDeps) {
    this.deps = deps;
  }

  refusal(): Failure | undefined {
    if (this.stop === undefined) this.start();
    if (this.reason === undefined || this.deps.running() === 0) return undefined;
    return failure('overloaded', 'This server has too much to do to begin another completion now.', {
      retryAfterMs,
      detail: this.reason,
    });
  }

  private start(): void {
    const { limits, now, every } = this.deps;
    const { memory, loopDelayMs } = limits();
    if (memory === 'off' && loopDelayMs === 'off') return;
    this.lastTickMs = now();
    this.windowBegunMs = this.lastTickMs;
    this.lastWindow = noTimes;
    this.idle = 0;
    this.stop = every(tickMs, () => this.tick());
  }

  private tick(): void {
    const atMs = this.deps.now();
    const passedMs = atMs - this.lastTickMs;
    this.lastTickMs = atMs;
    this.sum += passedMs;
    this.squares += passedMs * passedMs;
    noteDelays(this.deps.delays, passedMs);
    if (atMs - this.windowBegunMs < windowMs) return;
    this.windowBegunMs = atMs;
    this.judge();
  }

  private judge(): void {
    const { sum, squares, lastWindow } = this;
    this.lastWindow = { sum, squares };
    this.sum = 0;
    this.squares = 0;
    // The mean over time, not over ticks: a moment of the last second falls into a long pause rather than into a short one. One
    // pause of 300 ms in a second counts as 90 ms; pauses of 250 ms one after the other count as 230 ms.
    const meanMs = (squares + lastWindow.squares) / (sum + lastWindow.sum);
    this.change(this.overload(Math.max(0, meanMs - tickMs)));
    this.idle = this.deps.running() === 0 && this.reason === undefined ? this.idle + 1 : 0;
    if (this.idle < idleWindows) return;
    this.stop?.();
    this.stop = undefined;
  }

  /** Which limit is exceeded, for the log. */
  private overload(lateMs: number): string | undefined {
    const { memory, loopDelayMs } = this.deps.limits();
    const shedding = this.reason !== undefined;
    const part = (end: number) => (shedding ? end : 1);
    if (loopDelayMs !== 'off' && lateMs > loopDelayMs * part(endOf.loopDelay)) {
      return `the event loop is ${Math.round(lateMs)} ms late, and server.shed.loop_delay is ${loopDelayMs} ms`;
    }
    if (memory === 'off') return undefined;
    const { share, of } = this.deps.memory();
    if (share <= memory * part(endOf.memory)) return undefined;
    return `memory is at ${percent(share)} of ${of}, and server.shed.memory is ${percent(memory)}`;
  }

  private change(overload: string | undefined): void {
    const { log } = this.deps;
    if (this.reason === undefined) {
      this.reason = overload;
      this.calm = 0;
      if (overload !== undefined) log.warn('new completions are refused', { reason: overload });
      return;
    }
    this.calm = overload === undefined ? this.calm + 1 : 0;
    if (this.calm < calmWindows) return;
    log.info('new completions are accepted again', { after: this.reason });
    this.reason = undefined;
  }
}

/**
 * A pause of 1 s is one late tick, but what happens at any moment of it is late, by what is left of it: each 20 ms of the pause
 * counts.
 */
function noteDelays(delays: Histogram, passedMs: number): void {
  let lateMs = passedMs - tickMs;
  do {
    delays.note(lateMs);
    lateMs -= tickMs;
  } while (lateMs > 0);
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
