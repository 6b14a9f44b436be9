import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { connectToRedis } from '../../redis/redis-connection.ts';
import type { CancelOrder, EndedStatus, PeerDuties, Peers } from '../contract.ts';
import { readAnswer, readQuestion, writeAnswer, writeQuestion } from './peer-message.ts';

export interface RedisPeersOptions {
  /** `redis://` or `rediss://`. */
  readonly url: string;
  /** Called once when Redis cannot be reached, and once when it can again. */
  readonly onAway?: (error: Error) => void;
  readonly onBack?: () => void;
  /** How long the answers of the others are waited for, in milliseconds. Default: 2,000. */
  readonly answerMs?: number;
  /** How long opening waits for Redis, in milliseconds. Default 1,000. */
  readonly openingMs?: number;
}

const defaultAnswerMs = 2_000;
/** How often a connection that is only heard is asked whether it lives. */
const heartbeatMs = 5_000;
/** After a lost connection. */
const reconnectMs = 500;
/** The most that opening waits for the first connection. */
const defaultOpeningMs = 1_000;
/** The most that closing waits for Redis. */
const closingMs = 200;

/**
 * The processes that share one Redis (from version 5) or Valkey. It connects by itself, now and after each loss; while there is
 * no connection nothing is asked. Resolves when the first connection can be used, or has failed; never rejects.
 *
 *     cancel ──PUBLISH tailrace:peers:DB──▶ every process, this one too: Redis says how many
 *            ◀──PUBLISH tailrace:peers:DB:NAME── an answer of each, also where it runs nothing
 *
 * So where no process runs the completion, that is known when as many have answered as were asked, without a wait.
 */
export async function openRedisPeers(options: RedisPeersOptions): Promise<Peers> {
  const peers = new RedisPeers(options);
  await peers.tried();
  return peers;
}

/** A question of this process that has no status yet. */
interface Waiting {
  readonly resolve: (status: EndedStatus | undefined) => void;
  readonly timer: NodeJS.Timeout;
  /** The names of those that have answered. */
  readonly answered: Set<string>;
  /** How many have got the question; undefined until Redis has said it. */
  asked: number | undefined;
}

class RedisPeers implements Peers {
  private readonly name = randomBytes(8).toString('hex');
  private readonly everyone: string;
  private readonly answerMs: number;
  private readonly openingMs: number;
  private readonly onAway: (error: Error) => void;
  private readonly onBack: () => void;
  /** A connection that has subscribed takes no other commands. */
  private readonly subscriber: Redis;
  private readonly publisher: Redis;
  private readonly heartbeat: NodeJS.Timeout;
  private readonly waiting = new Map<number, Waiting>();
  private duties: PeerDuties | undefined;
  private lastCall = 0;
  private subscribed = false;
  private away = false;
  private closed = false;
  /** Called when a first try to connect has ended. */
  private onTried = (): void => {};

  constructor(options: RedisPeersOptions) {
    const { url, onAway = () => {}, onBack = () => {} } = options;
    this.answerMs = options.answerMs ?? defaultAnswerMs;
    this.openingMs = options.openingMs ?? defaultOpeningMs;
    this.onAway = onAway;
    this.onBack = onBack;
    const connect = () =>
      connectToRedis({
        url,
        scripts: [],
        reconnectMs: () => reconnectMs,
        onError: (error) => this.noteAway(error),
      }).client;
    this.subscriber = connect();
    this.publisher = connect();
    // Channels belong to the whole server: services in two databases of it are two services.
    this.everyone = `tailrace:peers:${this.publisher.options.db ?? 0}`;
    this.publisher.on('ready', () => this.noteBack());
    this.subscriber.on('ready', () => void this.subscribe());
    this.subscriber.on('close', () => {
      this.subscribed = false;
      this.giveUpAll();
      this.onTried();
    });
    this.subscriber.on('message', (channel: string, text: string) => {
      if (channel === this.everyone) void this.takeQuestion(text);
      else this.takeAnswer(text);
    });
    // Without it a connection whose other end has gone in silence would never be missed.
    this.heartbeat = setInterval(() => {
      if (this.subscribed) this.subscriber.ping().catch(ignore);
    }, heartbeatMs).unref();
  }

  /** Resolves after the first attempt to connect. */
  tried(): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(done, this.openingMs);
      this.onTried = done;
    });
  }

  serve(duties: PeerDuties): void {
    this.duties = duties;
  }

  cancel(order: CancelOrder): Promise<EndedStatus | undefined> {
    if (!this.isConnected()) return Promise.resolve(undefined);
    this.lastCall += 1;
    const call = this.lastCall;
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.finish(call, undefined), this.answerMs);
      const waiting: Waiting = { resolve, timer, answered: new Set(), asked: undefined };
      this.waiting.set(call, waiting);
      this.publisher.publish(this.everyone, writeQuestion(call, this.name, order)).then(
        (asked) => {
          waiting.asked = asked;
          this.finishWhereAllAnswered(call, waiting);
        },
        () => this.finish(call, undefined),
      );
    });
  }

  async close(): Promise<void> {
    this.closed = true;
    clearInterval(this.heartbeat);
    this.giveUpAll();
    if (this.subscribed) {
      // From here on nobody counts on an answer of this process; Redis notices a closed connection only later.
      const left = this.subscriber.unsubscribe().catch(ignore);
      await Promise.race([left, delay(closingMs, undefined, { ref: false })]);
    }
    this.subscriber.disconnect();
    this.publisher.disconnect();
  }

  private async subscribe(): Promise<void> {
    try {
      await this.subscriber.subscribe(this.everyone, this.channelOf(this.name));
      this.subscribed = true;
      this.noteBack();
      this.onTried();
    } catch (error) {
      // The server refuses it, such as one that loads its data: the next connection tries it again.
      this.noteAway(error instanceof Error ? error : new Error(String(error)));
      if (!this.closed) this.subscriber.disconnect(true);
    }
  }

  /** Answers every question, because the one who asks counts the answers; its own are answered without a message. */
  private async takeQuestion(text: string): Promise<void> {
    const question = readQuestion(text);
    if (question === undefined) return;
    const { call, from, order } = question;
    if (from === this.name) {
      this.noteAnswer(call, this.name);
      return;
    }
    const status = order === undefined ? undefined : await this.duties?.cancel(order).catch(() => undefined);
    const answer = writeAnswer({ call, from: this.name, status });
    // One that gets no answer stops waiting by itself.
    this.publisher.publish(this.channelOf(from), answer).catch(ignore);
  }

  private takeAnswer(text: string): void {
    const answer = readAnswer(text);
    if (answer === undefined) return;
    const { call, from, status } = answer;
    if (status === undefined) this.noteAnswer(call, from);
    else this.finish(call, status);
  }

  private noteAnswer(call: number, from: string): void {
    const waiting = this.waiting.get(call);
    if (waiting === undefined) return;
    waiting.answered.add(from);
    this.finishWhereAllAnswered(call, waiting);
  }

  private finishWhereAllAnswered(call: number, { asked, answered }: Waiting): void {
    // Answers may come before Redis has said how many were asked.
    if (asked !== undefined && answered.size >= asked) this.finish(call, undefined);
  }

  private finish(call: number, status: EndedStatus | undefined): void {
    const waiting = this.waiting.get(call);
    if (waiting === undefined) return;
    this.waiting.delete(call);
    clearTimeout(waiting.timer);
    waiting.resolve(status);
  }

  private giveUpAll(): void {
    for (const call of [...this.waiting.keys()]) this.finish(call, undefined);
  }

  private channelOf(name: string): string {
    return `${this.everyone}:${name}`;
  }

  private isConnected(): boolean {
    return !this.closed && this.subscribed && this.publisher.status === 'ready';
  }

  private noteAway(error: Error): void {
    if (this.away || this.closed) return;
    this.away = true;
    this.onAway(error);
  }

  private noteBack(): void {
    if (!this.away || !this.isConnected()) return;
    this.away = false;
    this.onBack();
  }
}

function ignore(): void {}
