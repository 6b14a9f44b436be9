import {
  connectToRedis,
  type RedisConnection,
  type Script,
  type ScriptArgument,
} from '../../redis/redis-connection.ts';
import { notQueued, type QueuedTimer, type TimerQueue } from '../../timers/timer-queue.ts';
import { readingScripts, scripts } from './scripts.ts';

/**
 * The calls of a journal to its Redis, and whether Redis is there.
 *
 *            no answer for 250 ms, or only errors to what writes; no connection for 250 ms
 *     ┌─────────────────────────────────────────────────────────────────────▶ away: each call is answered `away` at once
 *   there                                                                       │
 *     ▲                                                                         │
 *     └─────────────────────────────────────────────────────────────────────────┘
 *            a probe is answered: each second, and with each new connection
 *
 * A call that fails, or whose connection is lost, is sent again until its 250 ms are over: each script may be carried out twice.
 * So a moment without Redis delays calls, and a longer one costs each of them 250 ms. One entry of the timer queue serves all.
 */
export interface StoreLink {
  /** False while Redis is away. */
  readonly available: boolean;
  /** How long it has been away, in milliseconds; 0 while it is there. */
  awayMs(): number;
  /** How long it has been there again, in milliseconds. */
  thereMs(): number;
  /** The answer of a script; {@link away} where there is none within 250 ms. The call may take effect all the same, also later. */
  ask(script: Script, keys: readonly string[], args: readonly ScriptArgument[]): Promise<unknown>;
  /** Publishes a text; a loss is not noticed. */
  publish(channel: string, text: string): void;
  /** Until then Redis is not held to be away, and calls wait for their answers. On the clock of the timers, in milliseconds. */
  bearUntil(ms: number): void;
  /** Resolves after the first attempt to connect. */
  tried(): Promise<void>;
  /** Ends the connection. Calls that wait are answered `away`. */
  close(): void;
}

export const away = Symbol('away');

export interface StoreLinkOptions {
  readonly url: string;
  readonly timers: TimerQueue;
  /** The script that shows whether Redis is there again, with what has to be done first. */
  probe(): Probe;
  /** Redis is away, for this reason. Called once until `onBack`. */
  onAway(error: Error): void;
  /** Redis is there again. What is asked in it comes before all other calls. */
  onBack(): void;
}

export interface Probe {
  readonly script: Script;
  readonly keys: readonly string[];
  readonly args: readonly ScriptArgument[];
  /** It has been carried out. */
  done(): void;
}

/** How long an answer may take (contract, section 6). */
const answerMs = 250;
/** Before a refused call is sent again. */
const retryMs = 25;
const probeMs = 1_000;
/** Quick at first: a stream survives a lost connection if the next one is there within 250 ms. */
const reconnectMs = (attempt: number): number => Math.min(500, 10 * 2 ** (attempt - 1));

export function openStoreLink(options: StoreLinkOptions): StoreLink {
  return new Link(options);
}

class Link implements StoreLink, QueuedTimer {
  dueMs = 0;
  place = notQueued;
  private readonly options: StoreLinkOptions;
  private readonly timers: TimerQueue;
  private readonly connection: RedisConnection;
  /** Calls without an answer, in the order in which they came. */
  private readonly calls = new Set<Call>();
  private isAway = false;
  /** When it went away, or came back. A new process knows of no outage before its start. */
  private changedMs: number;
  /** Since when there is no connection; undefined while there is one. */
  private unconnectedMs: number | undefined;
  private probeSentMs: number | undefined;
  /** When it has answered a call last, and one that writes. */
  private answeredMs = Number.NEGATIVE_INFINITY;
  private wroteMs = Number.NEGATIVE_INFINITY;
  /** No call is given up before. */
  private patientUntilMs = Number.NEGATIVE_INFINITY;
  /** By how much the timer was late when it fired last. */
  private lateMs = 0;
  private lastError: Error | undefined;
  private closed = false;

  constructor(options: StoreLinkOptions) {
    this.options = options;
    this.timers = options.timers;
    this.changedMs = this.timers.now();
    this.connection = connectToRedis({
      url: options.url,
      scripts,
      reconnectMs,
      onError: (error) => {
        this.lastError = error;
      },
      onReady: () => this.connected(),
      onClose: () => this.disconnected(),
    });
    this.disconnected();
  }

  get available(): boolean {
    return !this.isAway && !this.closed;
  }

  awayMs(): number {
    return this.isAway ? this.timers.now() - this.changedMs : 0;
  }

  thereMs(): number {
    return this.isAway ? 0 : this.timers.now() - this.changedMs;
  }

  ask(script: Script, keys: readonly string[], args: readonly ScriptArgument[]): Promise<unknown> {
    if (!this.available) return Promise.resolve(away);
    return new Promise((resolve) => {
      const call: Call = {
        script,
        keys,
        args,
        sinceMs: this.timers.now(),
        sent: false,
        failed: false,
        resolve,
      };
      this.calls.add(call);
      this.send(call);
      if (this.place === notQueued) this.timers.start(this, answerMs);
    });
  }

  publish(channel: string, text: string): void {
    if (this.available) this.connection.client.publish(channel, text).catch(() => undefined);
  }

  bearUntil(ms: number): void {
    this.patientUntilMs = ms;
  }

  async tried(): Promise<void> {
    await this.connection.tried();
    if (this.unconnectedMs !== undefined) this.goAway();
  }

  close(): void {
    this.closed = true;
    this.timers.stop(this);
    this.connection.close();
    this.answerAll();
  }

  fire(): void {
    this.lateMs = this.timers.now() - this.dueMs;
    // Where this thread was busy the answer may lie in the socket, which is read after the timers and before the immediates.
    setImmediate(this.look);
  }

  private readonly look = (): void => {
    if (this.closed) return;
    const nowMs = this.timers.now();
    if (this.isAway) {
      this.probe(nowMs);
      return;
    }
    if (this.lateMs >= answerMs) this.startAgain(nowMs);
    let isAway = this.unconnectedMs !== undefined && nowMs >= this.deadline(this.unconnectedMs);
    for (const call of this.calls) {
      if (nowMs >= this.deadline(call.sinceMs)) {
        this.calls.delete(call);
        if (this.showsAway(call)) isAway = true;
        call.resolve(away);
      } else if (!call.sent) this.send(call);
    }
    if (isAway) this.goAway();
    else this.startTimer(nowMs);
  };

  /** When what is missing since then is given up. */
  private deadline(sinceMs: number): number {
    return Math.max(sinceMs + answerMs, this.patientUntilMs);
  }

  /** This process itself has stood still, frozen or busy: that says nothing of Redis, which gets its time anew. */
  private startAgain(nowMs: number): void {
    for (const call of this.calls) call.sinceMs = nowMs;
    if (this.unconnectedMs !== undefined) this.unconnectedMs = nowMs;
  }

  /**
   * Whether a call that got no answer in time shows that Redis is away: where it has answered others since, it is only slow. A
   * call that reads and gets errors shows nothing but a broken key.
   */
  private showsAway({ script, failed, sinceMs }: Call): boolean {
    if (!failed) return this.answeredMs < sinceMs;
    return !readingScripts.has(script) && this.wroteMs < sinceMs;
  }

  private send(call: Call): void {
    if (this.connection.client.status !== 'ready') return;
    call.sent = true;
    call.failed = false;
    this.connection.evaluate(call.script, call.keys, call.args).then(
      (answer) => {
        this.answeredMs = this.timers.now();
        if (!readingScripts.has(call.script)) this.wroteMs = this.answeredMs;
        if (this.calls.delete(call)) call.resolve(answer);
      },
      (error: unknown) => {
        call.sent = false;
        call.failed = this.connection.client.status === 'ready';
        if (!this.calls.has(call) || this.closed) return;
        this.failed(error);
        this.startTimer(this.timers.now());
      },
    );
  }

  /** For the first deadline, or the next repetition. */
  private startTimer(nowMs: number): void {
    // It looks at everything then: with many calls that fail, not each of them looks through all others.
    if (this.place !== notQueued && this.dueMs <= nowMs + retryMs) return;
    let dueMs =
      this.unconnectedMs === undefined ? Number.POSITIVE_INFINITY : this.deadline(this.unconnectedMs);
    for (const call of this.calls) {
      dueMs = Math.min(
        dueMs,
        this.deadline(call.sinceMs),
        call.sent ? Number.POSITIVE_INFINITY : nowMs + retryMs,
      );
    }
    if (dueMs !== Number.POSITIVE_INFINITY) this.timers.start(this, dueMs - nowMs);
  }

  private connected(): void {
    this.unconnectedMs = undefined;
    if (this.isAway) this.probe(this.timers.now());
    else for (const call of this.calls) if (!call.sent) this.send(call);
  }

  private disconnected(): void {
    if (this.closed || this.unconnectedMs !== undefined) return;
    this.unconnectedMs = this.timers.now();
    if (!this.isAway) this.startTimer(this.unconnectedMs);
  }

  private goAway(): void {
    if (this.isAway || this.closed) return;
    this.isAway = true;
    this.changedMs = this.timers.now();
    this.timers.start(this, probeMs);
    this.answerAll();
    this.options.onAway(this.lastError ?? new Error(`no answer within ${answerMs} ms`));
  }

  private answerAll(): void {
    const waiting = [...this.calls];
    this.calls.clear();
    for (const { resolve } of waiting) resolve(away);
  }

  private probe(nowMs: number): void {
    this.timers.start(this, probeMs);
    if (this.connection.client.status !== 'ready') return;
    // A connection that is silent is closed by its driver after some seconds.
    if (this.probeSentMs !== undefined) return;
    this.probeSentMs = nowMs;
    const { script, keys, args, done } = this.options.probe();
    this.connection.evaluate(script, keys, args).then(
      () => {
        done();
        const tookMs = this.timers.now() - nowMs;
        this.probeSentMs = undefined;
        // Answers of earlier calls have come before it.
        if (tookMs < answerMs) this.comeBack();
      },
      (error: unknown) => {
        this.probeSentMs = undefined;
        this.failed(error);
      },
    );
  }

  /** Keeps the reason why Redis is away, or may soon be. */
  private failed(error: unknown): void {
    if (error instanceof Error && this.connection.client.status === 'ready') this.lastError = error;
  }

  private comeBack(): void {
    if (!this.isAway || this.closed) return;
    this.isAway = false;
    this.changedMs = this.timers.now();
    this.lastError = undefined;
    this.timers.stop(this);
    this.options.onBack();
  }
}

interface Call {
  readonly script: Script;
  readonly keys: readonly string[];
  readonly args: readonly ScriptArgument[];
  sinceMs: number;
  /** It has gone out, and no error has come back. */
  sent: boolean;
  /** Redis has refused it. */
  failed: boolean;
  readonly resolve: (answer: unknown) => void;
}
