import { readTexts } from '../../redis/redis-connection.ts';
import type { JournalLimits } from '../contract.ts';
import { eventsKey, metaKey } from './keys.ts';
import { appendScript } from './scripts.ts';
import { away, type StoreLink } from './store-link.ts';

/** What a stream appends next: of one turn of the event loop, or of several while an earlier call has no answer. */
export interface Append {
  readonly id: string;
  readonly epoch: string;
  /** The number of the first payload. */
  readonly from: number;
  readonly payloads: readonly string[];
  /** JSON; empty where it is not new. */
  readonly head: string;
  readonly ending: string;
  readonly afterEnding: 'keep' | 'forget' | 'remove';
}

/** A stream that appends. */
export interface Appending {
  /** Payload bytes that wait. */
  readonly waitingBytes: number;
  /** Takes what waits. */
  takeWaiting(): Append;
  /** Redis has what was taken last; `first` is the number of its oldest event where that has changed. */
  acknowledged(first: number | undefined): void;
  /** Redis has refused what was taken last, or has not answered in time. */
  refused(why: 'away' | 'gone' | 'fenced'): void;
}

/**
 * Sends what all streams of this process append: one command at a time, and so at most one in each turn of the event loop.
 *
 *     event, event, … ──▶ waiting ──setImmediate, when the last command has its answer──▶ one EVALSHA for all streams
 *
 * With the answer awaited, what comes meanwhile makes one command. The busier the process or Redis is, the more events have a
 * command in common; a lone stream waits for nothing. No timer is involved.
 */
export class AppendQueue {
  private readonly link: StoreLink;
  private readonly limits: () => JournalLimits;
  private readonly runningMs: () => number;
  private waiting = new Set<Appending>();
  private flushing = false;
  private sending = false;
  /** Called after each answer; true: it is content. */
  private onAnswer: (() => boolean)[] = [];

  /** `runningMs`: the expiry of the keys of a running stream. */
  constructor(link: StoreLink, limits: () => JournalLimits, runningMs: () => number) {
    this.link = link;
    this.limits = limits;
    this.runningMs = runningMs;
  }

  /** The stream has something to append. */
  add(stream: Appending): void {
    this.waiting.add(stream);
    this.flushSoon();
  }

  /** The stream appends nothing any more. */
  remove(stream: Appending): void {
    this.waiting.delete(stream);
  }

  /** Resolves when everything that waits now has its answer; within 500 ms. */
  settled(): Promise<void> {
    // A command under way, and the next one.
    let answers = (this.sending ? 1 : 0) + (this.waiting.size > 0 ? 1 : 0);
    if (answers === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.onAnswer.push(() => {
        answers -= 1;
        if (answers > 0) return false;
        resolve();
        return true;
      });
    });
  }

  private flushSoon(): void {
    if (this.flushing || this.sending) return;
    this.flushing = true;
    setImmediate(this.flush);
  }

  private readonly flush = (): void => {
    this.flushing = false;
    if (this.waiting.size === 0) {
      // The streams that waited were removed.
      this.answered();
      return;
    }
    const { retentionMs, perStreamBytes } = this.limits();
    const streams: Appending[] = [];
    const keys: string[] = [];
    const args: (string | number)[] = [retentionMs, this.runningMs(), perStreamBytes];
    let bytes = 0;
    for (const stream of this.waiting) {
      if (bytes > 0 && bytes + stream.waitingBytes > commandBytes) break;
      bytes += stream.waitingBytes;
      this.waiting.delete(stream);
      streams.push(stream);
      const { id, epoch, from, payloads, head, ending, afterEnding } = stream.takeWaiting();
      keys.push(metaKey(id), eventsKey(id));
      args.push(id, epoch, from, payloads.length, head, ending, afterEnding);
      for (const payload of payloads) args.push(payload);
    }
    this.sending = true;
    void this.send(streams, keys, args);
  };

  private async send(
    streams: readonly Appending[],
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<void> {
    const answer = await this.link.ask(appendScript, keys, args);
    this.sending = false;
    // Before the streams hear of it: what they write now goes out together with what came meanwhile.
    this.flushSoon();
    if (answer === away) for (const stream of streams) stream.refused('away');
    else this.handOut(streams, answer);
    this.answered();
  }

  private answered(): void {
    this.onAnswer = this.onAnswer.filter((content) => !content());
  }

  private handOut(streams: readonly Appending[], answer: unknown): void {
    const odd = readOdd(readTexts(answer));
    for (const [index, stream] of streams.entries()) {
      const { refused, first } = odd.get(index) ?? none;
      if (refused === undefined) stream.acknowledged(first);
      else stream.refused(refused);
    }
  }
}

/** A command keeps Redis some milliseconds at most. What is more waits for the next one. */
const commandBytes = 1024 ** 2;

interface Odd {
  readonly refused?: 'gone' | 'fenced';
  readonly first?: number;
}

const none: Odd = {};

/** What the script says of some of the streams, by their index. */
function readOdd(texts: readonly string[]): ReadonlyMap<number, Odd> {
  const odd = new Map<number, Odd>();
  for (const text of texts) {
    const [index, what, first] = text.split(' ');
    if (what === 'gone' || what === 'fenced') odd.set(Number(index), { refused: what });
    else odd.set(Number(index), { first: Number(first) });
  }
  return odd;
}
