import { type Failure, failure } from '../../domain/failure.ts';
import type { TimerQueue } from '../../timers/timer-queue.ts';
import { streamsUnavailable } from '../broken-streams.ts';
import type { JournalLimits, StreamFacts } from '../contract.ts';
import type { StreamImage } from '../stream-image.ts';
import type { Channels } from './channels.ts';
import { FollowedStream, type FollowerJournal } from './followed-stream.ts';
import type { ImageLoader } from './image-loader.ts';
import { metaKey, processChannel } from './keys.ts';
import { cutScript } from './scripts.ts';
import { away, type StoreLink } from './store-link.ts';
import { endingJson, type StoredState, type StoredStream, storedIn } from './stored-stream.ts';
import type { Windows } from './windows.ts';

export interface FollowedStreamsOptions {
  readonly link: StoreLink;
  readonly channels: Channels;
  readonly timers: TimerQueue;
  readonly loader: ImageLoader;
  readonly windows: Windows;
  readonly processId: string;
  limits(): JournalLimits;
  errorPayload(facts: StreamFacts, reason: Failure): string;
  /** As {@link FollowerJournal.read}. */
  read(facts: StreamFacts, have: number): Promise<StoredStream | undefined>;
  /** A stream is followed. */
  wake(): void;
}

/** The streams of other processes that are followed here, and the end of those whose process is dead. */
export class FollowedStreams implements FollowerJournal {
  readonly timers: TimerQueue;
  readonly channels: Channels;
  private readonly options: FollowedStreamsOptions;
  /** Two of one id only where both were found before either was followed. */
  private readonly streams = new Map<string, Set<FollowedStream>>();

  constructor(options: FollowedStreamsOptions) {
    this.options = options;
    this.timers = options.timers;
    this.channels = options.channels;
  }

  get size(): number {
    return this.streams.size;
  }

  /** The image of a running stream that is as new as what Redis publishes. */
  live(id: string): StreamImage | undefined {
    for (const { image, live } of this.streams.get(id) ?? [])
      if (live && this.channels.connected) return image;
    return undefined;
  }

  /** The image of a stream in this state: the one that other readers have, or a new one. */
  imageOf(state: StoredState): StreamImage {
    for (const { image } of this.streams.get(state.facts.id) ?? []) {
      if (image.broken === undefined && (image.ending === undefined) === (state.ending === undefined))
        return image;
    }
    return new FollowedStream(this, state).image;
  }

  /** What the tick says and asks: the other processes, and the streams of each that are followed here. */
  byProcess(): ReadonlyMap<string, readonly FollowedStream[]> {
    const known = new Map<string, FollowedStream[]>();
    for (const stream of this.running()) {
      const some = known.get(stream.process);
      if (some === undefined) known.set(stream.process, [stream]);
      else some.push(stream);
    }
    return known;
  }

  /** Reads again those that may have missed something; `all` of them after an outage. */
  readAgain(all: boolean): void {
    for (const stream of this.running())
      if (all || !stream.live || !this.channels.connected) void stream.read();
  }

  /** Redis is away for too long to let readers wait. */
  breakAll(): void {
    for (const stream of this.running()) stream.break(streamsUnavailable);
  }

  closeAll(): void {
    for (const stream of this.running()) stream.close();
  }

  /** Ends the streams of a process without a beat. */
  async cutAll(streams: readonly FollowedStream[]): Promise<void> {
    for (const stream of streams) {
      const stored = await this.cut(stream.image.facts, stream.epoch);
      // The same news comes by its channel; here it also reaches a stream that has missed events.
      if (stored?.type === 'stream' && stored.ending !== undefined) void stream.read();
    }
  }

  /** Ends a stream if its process has no beat and nobody else has raised the epoch. Returns what Redis has then. */
  async cut(facts: StreamFacts, epoch: string): Promise<StoredStream | undefined> {
    const payload = facts.stream ? this.options.errorPayload(facts, processGone) : '';
    const answer = await this.options.link.ask(
      cutScript,
      [metaKey(facts.id)],
      [
        facts.id,
        epoch,
        endingJson({ type: 'torn', failure: processGone, payload }),
        this.options.limits().retentionMs,
      ],
    );
    return answer === away ? undefined : storedIn(answer);
  }

  load(image: StreamImage, number: number): Promise<readonly string[]> {
    return this.options.loader.load(image, number);
  }

  read(facts: StreamFacts, have: number): Promise<StoredStream | undefined> {
    return this.options.read(facts, have);
  }

  grew(image: StreamImage): void {
    this.options.windows.grew(image);
  }

  opened(stream: FollowedStream): void {
    const { id } = stream.image.facts;
    const known = this.streams.get(id);
    if (known === undefined) this.streams.set(id, new Set([stream]));
    else known.add(stream);
    this.options.wake();
  }

  closed({ image, process }: FollowedStream): void {
    const { id } = image.facts;
    const others = [...(this.streams.get(id) ?? [])].filter((other) => other.image !== image);
    if (image.ending !== undefined || others.length > 0) return;
    this.options.link.publish(processChannel(process), `left ${this.options.processId} ${id}`);
  }

  released(stream: FollowedStream): void {
    const { id } = stream.image.facts;
    const known = this.streams.get(id);
    known?.delete(stream);
    if (known?.size === 0) this.streams.delete(id);
    this.options.windows.release(stream.image);
  }

  private running(): readonly FollowedStream[] {
    return [...this.streams.values()].flatMap((some) => [...some].filter(({ open }) => open));
  }
}

const processGone = failure(
  'upstream_cut',
  'The answer broke off: the server that generated it has stopped. Ask for the whole completion again.',
);
