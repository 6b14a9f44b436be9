import { streamsUnavailable } from '../broken-streams.ts';
import type { JournalLimits, Once, StreamFacts, StreamWriter } from '../contract.ts';
import type { StreamImage } from '../stream-image.ts';
import { AppendQueue } from './append-queue.ts';
import type { ChannelListener } from './channels.ts';
import type { ImageLoader } from './image-loader.ts';
import { metaKey } from './keys.ts';
import type { Repairs } from './repairs.ts';
import { touchScript } from './scripts.ts';
import { away, type StoreLink } from './store-link.ts';
import { bringUp, type StoredStream } from './stored-stream.ts';
import { type Windows, windowBytes } from './windows.ts';
import { type WriterJournal, WrittenStream } from './written-stream.ts';

export interface WrittenStreamsOptions {
  readonly link: StoreLink;
  readonly loader: ImageLoader;
  readonly windows: Windows;
  readonly repairs: Repairs;
  limits(): JournalLimits;
  /** Milliseconds of the clock by which other processes count as gone. */
  now(): number;
  /** The state of a stream, with the events after `have`. Undefined: no answer. */
  read(facts: StreamFacts, have: number): Promise<StoredStream | undefined>;
}

/** The streams that runs of this process write, and what other processes say about their readers (`process` channel). */
export class WrittenStreams implements WriterJournal, ChannelListener {
  private readonly options: WrittenStreamsOptions;
  private readonly queue: AppendQueue;
  /** Also ended ones, while they have followers here. */
  private readonly streams = new Map<string, WrittenStream>();
  private repairing = false;
  private onJoined = (): void => {};
  /** Resolves when this process hears its channel. */
  readonly hears: Promise<void>;

  constructor(options: WrittenStreamsOptions) {
    this.options = options;
    this.queue = new AppendQueue(options.link, options.limits, () => runningMs(options.limits()));
    this.hears = new Promise((resolve) => {
      this.onJoined = resolve;
    });
  }

  get size(): number {
    return this.streams.size;
  }

  /** Those whose runs have not ended. */
  get running(): number {
    let running = 0;
    for (const { view } of this.streams.values()) if (view.ending === undefined) running += 1;
    return running;
  }

  get(id: string): WrittenStream | undefined {
    return this.streams.get(id);
  }

  /** The stream has begun in Redis. */
  add(facts: StreamFacts, once: Once | undefined): StreamWriter {
    const stream = new WrittenStream(this, facts, once);
    this.streams.set(facts.id, stream);
    return stream;
  }

  append(stream: WrittenStream): void {
    this.queue.add(stream);
  }

  /** Resolves when what was written until now is acknowledged or refused. */
  settled(): Promise<void> {
    return this.queue.settled();
  }

  load(image: StreamImage, number: number): Promise<readonly string[]> {
    return this.options.loader.load(image, number);
  }

  grew({ view, state }: WrittenStream): void {
    // Of a lost stream the rest is nowhere else.
    this.options.windows.grew(view, state === 'lost' ? this.options.limits().perStreamBytes : windowBytes);
  }

  lost(stream: WrittenStream): void {
    this.mark(stream, 'lost');
  }

  removed(stream: WrittenStream): void {
    this.mark(stream, 'none');
  }

  fenced(stream: WrittenStream): void {
    this.queue.remove(stream);
    void this.showTaken(stream);
  }

  changed(stream: WrittenStream): void {
    const { view, state } = stream;
    if (state === 'running' || (state === 'lost' && view.ending === undefined) || view.followed > 0) return;
    if (this.streams.get(view.facts.id) === stream) this.streams.delete(view.facts.id);
    this.options.windows.release(view);
  }

  /** Tells Redis what it has to know of lost streams, before everything that is asked after this call. */
  repair(): void {
    const { link, repairs } = this.options;
    this.repairing = false;
    for (const { script, keys, args, done } of repairs.all()) {
      void link.ask(script, keys, args).then((answer) => {
        if (answer !== away) done();
      });
    }
  }

  /** Pushes the expiry of the running streams on. */
  touch(): void {
    const ids = [...this.streams.values()]
      .filter(({ state }) => state === 'running')
      .map(({ view }) => view.facts.id);
    const expiryMs = runningMs(this.options.limits());
    for (let from = 0; from < ids.length; from += touchedAtOnce) {
      const some = ids.slice(from, from + touchedAtOnce);
      void this.options.link.ask(touchScript, some.map(metaKey), [expiryMs, ...some]);
    }
  }

  /** Processes that follow streams of this one, and were not heard for 12 s, are gone. */
  forgetSilent(): void {
    const sinceMs = this.options.now() - followedMs;
    for (const stream of this.streams.values()) stream.forgetSilent(sinceMs);
  }

  joined(): void {
    this.onJoined();
  }

  /** `came PROCESS ID`, `here PROCESS ID ID …`, `left PROCESS ID`, `fenced - ID`. */
  message(bytes: Buffer): void {
    const [what, process = '', ...ids] = bytes.toString('utf8').split(' ');
    const nowMs = this.options.now();
    for (const id of ids) {
      const stream = this.streams.get(id);
      if (what === 'came' || what === 'here') stream?.readBy(process, nowMs);
      else if (what === 'left') stream?.leftBy(process);
      else if (what === 'fenced') stream?.fence();
    }
  }

  /** A call that has no answer may have begun it. */
  giveUp(id: string, once: Once | undefined): void {
    this.options.repairs.add({ id, fate: 'none', once });
    this.repairSoon();
  }

  private mark(stream: WrittenStream, fate: 'lost' | 'none'): void {
    this.queue.remove(stream);
    this.options.repairs.add({ id: stream.view.facts.id, fate, once: stream.once });
    this.repairSoon();
    this.changed(stream);
  }

  /** Many streams are lost in one turn. */
  private repairSoon(): void {
    if (!this.repairing) setImmediate(() => this.repair());
    this.repairing = true;
  }

  /** The followers here get what Redis has of a stream that another process has ended. */
  private async showTaken(stream: WrittenStream): Promise<void> {
    const { view } = stream;
    const stored = await this.options.read(view.facts, view.lastEvent);
    if (stored?.type === 'stream') bringUp(view, stored);
    // Another process writes it now: readers that ask again find it there.
    if (view.ending === undefined) view.broken = streamsUnavailable;
    view.changed();
    this.changed(stream);
  }
}

/**
 * The expiry of the keys of a running stream, in milliseconds, which is pushed on each half minute. A stream whose process is dead
 * can be found, and then cut, for its retention at least.
 */
export function runningMs({ retentionMs }: JournalLimits): number {
  return retentionMs + 120_000;
}

/** A process that has readers counts as there for so long after it has said so. */
export const followedMs = 12_000;

/** They keep Redis less than a millisecond. */
const touchedAtOnce = 200;
