import type { Failure } from '../../domain/failure.ts';
import { notQueued, type QueuedTimer, type TimerQueue } from '../../timers/timer-queue.ts';
import { notKept, streamsUnavailable } from '../broken-streams.ts';
import type { StreamFacts } from '../contract.ts';
import { type ImageSource, StreamImage } from '../stream-image.ts';
import type { ChannelListener, Channels } from './channels.ts';
import { streamChannel } from './keys.ts';
import {
  bringUp,
  readMessage,
  type StoredState,
  type StoredStream,
  type StreamMessage,
} from './stored-stream.ts';

/** What a followed stream asks of its journal. */
export interface FollowerJournal {
  readonly timers: TimerQueue;
  readonly channels: Channels;
  load(image: StreamImage, number: number): Promise<readonly string[]>;
  /**
   * Registers this process as a reader, and returns the state with the events after `have`, as far as a window takes them. What
   * comes after them is published. Undefined: no answer.
   */
  read(facts: StreamFacts, have: number): Promise<StoredStream | undefined>;
  /** The window of the stream has grown. */
  grew(image: StreamImage): void;
  /** It is followed from now on. */
  opened(stream: FollowedStream): void;
  /** Its news are not needed any more. */
  closed(stream: FollowedStream): void;
  /** It has no follower either. */
  released(stream: FollowedStream): void;
}

/**
 * A stream that another process writes, or wrote, for the readers of this one. They share its image, its channel and its calls.
 *
 *            first follower            joined, and then read
 *     idle ──────────────────▶ joining ─────────────────────▶ live: what is published is added
 *      ▲                          ▲ a gap, the channel lost │
 *      │                          └─────────────────────────┤
 *      └────────────────────────────────────────────────────┘
 *            no follower for a second, or the end
 *
 * The channel is joined first and the state is read then, so nothing falls in between: what is published meanwhile waits, and
 * numbers show what is known already. A gap is no loss: everything lies in Redis. Where it is larger than a window, the window
 * starts behind it, and readers load what they lack.
 */
export class FollowedStream implements ImageSource, ChannelListener, QueuedTimer {
  readonly image: StreamImage;
  /** The process that writes the stream, and the number of its right to do so. */
  process: string;
  epoch: string;
  dueMs = 0;
  place = notQueued;
  private readonly journal: FollowerJournal;
  private state: 'idle' | 'joining' | 'live' = 'idle';
  /** What came while the state was being read. */
  private meanwhile: StreamMessage[] | undefined;
  /** The channel was joined while the state was being read: what was read may be older than what the channel brings. */
  private again = false;

  constructor(journal: FollowerJournal, state: StoredState) {
    this.journal = journal;
    this.process = state.process;
    this.epoch = state.epoch;
    this.image = new StreamImage(state.facts, this, state.last + 1);
    bringUp(this.image, state);
  }

  get open(): boolean {
    return this.state !== 'idle';
  }

  /** Whether its image is as new as what Redis publishes. */
  get live(): boolean {
    return this.state === 'live';
  }

  load(image: StreamImage, number: number): Promise<readonly string[]> {
    return this.journal.load(image, number);
  }

  followed(image: StreamImage): void {
    if (image.followed === 0) {
      if (this.open) this.journal.timers.start(this, lingerMs);
      else this.journal.released(this);
      return;
    }
    this.journal.timers.stop(this);
    if (!this.open) this.start();
  }

  /** No follower has come back. */
  fire(): void {
    if (this.image.followed === 0) this.close();
  }

  joined(): void {
    if (this.meanwhile !== undefined) this.again = true;
    else void this.read();
  }

  message(bytes: Buffer): void {
    const message = readMessage(bytes);
    if (message === undefined) void this.read();
    else if (this.meanwhile === undefined) this.apply(message);
    else this.meanwhile.push(message);
  }

  /** Reads the state, because something may have been missed. */
  async read(): Promise<void> {
    if (!this.open || this.meanwhile !== undefined) return;
    this.state = 'joining';
    const meanwhile: StreamMessage[] = [];
    this.meanwhile = meanwhile;
    const { image } = this;
    const stored = await this.journal.read(image.facts, image.isEmpty ? 0 : image.lastEvent);
    // It was closed meanwhile, and perhaps opened again.
    if (this.meanwhile !== meanwhile) return;
    this.meanwhile = undefined;
    // With no answer the journal has it read again, when Redis is back or with its next tick.
    if (stored === undefined) return;
    this.state = 'live';
    this.take(stored);
    for (const message of meanwhile) this.apply(message);
    if (!this.again) return;
    this.again = false;
    await this.read();
  }

  /** Ends the followers, for a reason that is not part of the stream. */
  break(reason: Failure): void {
    const { image } = this;
    if (image.ending !== undefined || image.broken !== undefined) return;
    image.broken = reason;
    image.changed();
    this.close();
  }

  close(): void {
    if (!this.open) return;
    this.state = 'idle';
    this.meanwhile = undefined;
    this.again = false;
    this.journal.timers.stop(this);
    this.journal.channels.leave(streamChannel(this.image.facts.id), this);
    this.journal.closed(this);
    if (this.image.followed === 0) this.journal.released(this);
  }

  private start(): void {
    const { image } = this;
    if (image.ending === undefined && image.broken === undefined) {
      this.state = 'joining';
      this.journal.channels.join(streamChannel(image.facts.id), this);
    }
    this.journal.opened(this);
  }

  private take(stored: StoredStream): void {
    if (stored.type !== 'stream') {
      // A running stream does not vanish: Redis has lost it.
      this.break(streamsUnavailable);
      return;
    }
    this.process = stored.process;
    this.epoch = stored.epoch;
    bringUp(this.image, stored);
    this.changed();
  }

  private apply(message: StreamMessage): void {
    const { image } = this;
    if (!this.open) return;
    if (message.type !== 'more') {
      this.break(message.type === 'dropped' ? notKept : streamsUnavailable);
      return;
    }
    const { from, first, payloads, head, ending } = message;
    if (from > image.lastEvent + 1) {
      void this.read();
      return;
    }
    for (let number = image.lastEvent + 1; number < from + payloads.length; number += 1) {
      image.add(payloads[number - from] ?? '');
    }
    image.keptFrom(first);
    image.head ??= head;
    image.ending ??= ending;
    this.changed();
  }

  private changed(): void {
    const { image } = this;
    this.journal.grew(image);
    image.changed();
    if (image.ending !== undefined) this.close();
  }
}

/** Readers that reconnect find the image as they left it. */
const lingerMs = 1_000;
