import type { Failure } from '../../domain/failure.ts';
import { readTexts } from '../../redis/redis-connection.ts';
import { notQueued, type QueuedTimer, type TimerQueue } from '../../timers/timer-queue.ts';
import { notKept } from '../broken-streams.ts';
import type { Begun, Found, Journal, JournalFigures, JournalLimits, Once, StreamFacts } from '../contract.ts';
import { Channels } from './channels.ts';
import { FollowedStreams } from './followed-streams.ts';
import { ImageLoader } from './image-loader.ts';
import { beatKey, eventsKey, metaKey, onceKey, processChannel } from './keys.ts';
import { beatMs, Repairs } from './repairs.ts';
import { beginScript, dropScript, findOnceScript, findScript, followScript, tickScript } from './scripts.ts';
import { away, openStoreLink, type StoreLink } from './store-link.ts';
import { type StoredStream, storedIn } from './stored-stream.ts';
import { Windows, windowBytes } from './windows.ts';
import { followedMs, runningMs, WrittenStreams } from './written-streams.ts';

export interface RedisJournalOptions {
  /** `redis://` or `rediss://`, of a Redis (from version 5) or a Valkey; not of a Redis Cluster. */
  readonly url: string;
  readonly timers: TimerQueue;
  /** The bounds in force; a reload may change them. */
  limits(): JournalLimits;
  /** The name of this process, which no other has or had. It has no spaces. */
  readonly processId: string;
  /** The payload of the error event that ends a stream whose process is dead, by the stream's surface. */
  errorPayload(facts: StreamFacts, reason: Failure): string;
  /** Redis does not answer, for this reason. Called once until it answers again. */
  onError?(error: Error): void;
  /** Redis answers again. */
  onBack?(): void;
}

/**
 * A journal in a Redis that replicas share (decision 27). It connects by itself, now and after each loss. Resolves when the first
 * connection is there, or has failed; never rejects. `close` ends its connections.
 */
export async function openRedisJournal(options: RedisJournalOptions): Promise<Journal> {
  const journal = new RedisJournal(options);
  await journal.opened();
  return journal;
}

class RedisJournal implements Journal, QueuedTimer {
  dueMs = 0;
  place = notQueued;
  private readonly options: RedisJournalOptions;
  private readonly processId: string;
  private readonly link: StoreLink;
  private readonly channels: Channels;
  private readonly repairs: Repairs;
  private readonly written: WrittenStreams;
  private readonly followed: FollowedStreams;
  private readonly windows: Windows;
  private ticks = 0;
  private closing = false;

  constructor(options: RedisJournalOptions) {
    this.options = options;
    const { url, timers, processId, limits } = options;
    this.processId = processId;
    const repairs = new Repairs(processId, () => limits().retentionMs);
    const link = openStoreLink({
      url,
      timers,
      probe: () => repairs.next(),
      onAway: (error) => options.onError?.(error),
      onBack: () => this.back(),
    });
    const channels = new Channels(url);
    const windows = new Windows(() => limits().totalBytes);
    const loader = new ImageLoader(link);
    const read = (facts: StreamFacts, have: number) => this.read(facts, have);
    const wake = () => this.wake();
    const { errorPayload } = options;
    this.written = new WrittenStreams({ link, loader, windows, repairs, limits, now: timers.now, read });
    this.followed = new FollowedStreams({
      link,
      channels,
      timers,
      loader,
      windows,
      processId,
      limits,
      errorPayload,
      read,
      wake,
    });
    this.link = link;
    this.windows = windows;
    this.channels = channels;
    this.repairs = repairs;
    channels.join(processChannel(processId), this.written);
  }

  /** Resolves when it can be used, or Redis cannot be reached. */
  async opened(): Promise<void> {
    await this.link.tried();
    if (!this.link.available) return;
    // The call bounds the wait: it has an answer within 250 ms.
    await Promise.race([this.written.hears, this.link.ask(findScript, [metaKey('')], [''])]);
  }

  async begin(facts: StreamFacts, once?: Once): Promise<Begun> {
    if (!this.available()) return unavailable;
    const keys = [metaKey(facts.id), beatKey(this.processId)];
    if (once !== undefined) keys.push(onceKey(once));
    const answer = await this.link.ask(beginScript, keys, [
      facts.id,
      JSON.stringify(facts),
      this.processId,
      once?.fingerprint ?? '',
      runningMs(this.options.limits()),
      beatMs,
    ]);
    if (answer === away) {
      // It may have begun, or begin yet.
      this.written.giveUp(facts.id, once);
      return unavailable;
    }
    const texts = readTexts(answer);
    switch (texts[0]) {
      case 'begun':
        this.wake();
        return { type: 'begun', writer: this.written.add(facts, once) };
      case 'conflict':
        return { type: 'conflict' };
      case 'refused':
        return unavailable;
      default: {
        const found = await this.found(storedIn(texts));
        // Where it has gone between two looks, the client asks again.
        return found.type === 'found' ? { type: 'exists', view: found.view } : unavailable;
      }
    }
  }

  async find(id: string): Promise<Found> {
    if (!this.available()) return unavailable;
    const here = this.here(id);
    if (here !== undefined) return here;
    const answer = await this.link.ask(findScript, [metaKey(id)], [id]);
    return answer === away ? unavailable : await this.found(storedIn(answer));
  }

  async findOnce(once: Once): Promise<Found | { readonly type: 'conflict' }> {
    if (!this.available()) return unavailable;
    const answer = await this.link.ask(findOnceScript, [onceKey(once)], [once.fingerprint]);
    if (answer === away) return unavailable;
    if (readTexts(answer)[0] === 'conflict') return { type: 'conflict' };
    return await this.found(storedIn(answer));
  }

  async drop(id: string): Promise<void> {
    const answer = await this.link.ask(dropScript, [metaKey(id), eventsKey(id)], [id]);
    const stream = this.written.get(id);
    if (answer === away || stream?.state !== 'ended') return;
    const { view } = stream;
    view.broken = notKept;
    view.changed();
  }

  available(): boolean {
    return this.link.available && !this.closing;
  }

  figures(): JournalFigures {
    const { size, running } = this.written;
    return {
      available: this.available(),
      runningStreams: running,
      endedStreams: size - running,
      bytes: this.windows.bytes,
      limitBytes: this.options.limits().totalBytes,
      // Redis removes streams by their retention, and the oldest events of a long stream by a script.
      evictedStreams: 0,
      evictedEvents: 0,
    };
  }

  async close(): Promise<void> {
    if (this.closing) return;
    this.closing = true;
    this.options.timers.stop(this);
    await this.written.settled();
    this.followed.closeAll();
    this.channels.close();
    this.link.close();
  }

  /** What this process knows of a stream better than Redis, or as well. */
  private here(id: string): Found | undefined {
    const repair = this.repairs.get(id);
    if (repair !== undefined) return repair.fate === 'lost' ? unavailable : unknown;
    const written = this.written.get(id);
    if (written?.state === 'lost') return unavailable;
    const view = written?.state === 'running' ? written.view : this.followed.live(id);
    return view === undefined ? undefined : { type: 'found', view };
  }

  private async found(stored: StoredStream): Promise<Found> {
    if (stored.type === 'unknown') return unknown;
    if (stored.type === 'lost') return unavailable;
    const { facts, epoch, process, alive, ending } = stored;
    const here = this.here(facts.id);
    if (here !== undefined) return here;
    if (ending === undefined && !alive && process !== this.processId && this.trustsBeats()) {
      const cut = await this.followed.cut(facts, epoch);
      if (cut?.type === 'unknown') return unknown;
      if (cut?.type !== 'stream') return unavailable;
      return { type: 'found', view: this.written.get(facts.id)?.view ?? this.followed.imageOf(cut) };
    }
    return { type: 'found', view: this.written.get(facts.id)?.view ?? this.followed.imageOf(stored) };
  }

  /** Registers this process as a reader, and reads the state of a stream with the events after `have`. */
  private async read({ id }: StreamFacts, have: number): Promise<StoredStream | undefined> {
    const answer = await this.link.ask(
      followScript,
      [metaKey(id)],
      [id, this.processId, have, windowBytes, followedMs],
    );
    return answer === away ? undefined : storedIn(answer);
  }

  /** While Redis was away no process could say that it lives. */
  private trustsBeats(): boolean {
    return this.link.thereMs() >= trustAfterMs;
  }

  private back(): void {
    this.written.repair();
    this.followed.readAgain(true);
    this.options.onBack?.();
    this.wake();
  }

  /** There is something to do each two seconds. */
  private wake(): void {
    if (this.place === notQueued && !this.closing) this.options.timers.start(this, tickMs);
  }

  fire(): void {
    if (this.closing || this.written.size + this.followed.size + this.repairs.size === 0) return;
    const { timers } = this.options;
    // This process has stood still, and others may have ended its streams. What Redis has of them says whether their runs continue, so its
    // answer is worth a longer wait: a stream that is given up instead would run on for its own reader, with its record closed.
    const nowMs = timers.now();
    if (nowMs - this.dueMs >= beatMs - tickMs) this.link.bearUntil(nowMs + afterStandstillMs);
    timers.start(this, tickMs);
    this.written.forgetSilent();
    if (this.link.awayMs() > patienceMs) this.followed.breakAll();
    if (!this.available()) return;
    this.ticks += 1;
    if (this.repairs.size > 0) this.written.repair();
    if (this.ticks % ticksPerTouch === 0) this.written.touch();
    if (this.followed.size > 0) this.channels.check();
    this.followed.readAgain(false);
    void this.beat();
  }

  /** The own beat, word to the processes whose streams are followed here, and their beats: one command. */
  private async beat(): Promise<void> {
    const others = this.followed.byProcess();
    if (this.written.size + others.size === 0) return;
    const says = this.ticks % ticksPerWord === 0;
    const keys = [beatKey(this.processId)];
    const args: (string | number)[] = [
      this.written.size > 0 ? beatMs : 0,
      this.processId,
      followedMs,
      others.size,
    ];
    for (const [process, streams] of others) {
      const ids = says ? streams.map(({ image }) => image.facts.id) : [];
      keys.push(...ids.map(metaKey));
      args.push(process, ids.length, ...ids);
    }
    const answer = await this.link.ask(tickScript, keys, args);
    if (answer === away || !this.trustsBeats()) return;
    for (const process of readTexts(answer)) await this.followed.cutAll(others.get(process) ?? []);
  }
}

const unavailable = { type: 'unavailable' } as const;
const unknown = { type: 'unknown' } as const;

const tickMs = 2_000;
/** Followers say that they are there each 4 s, and count as gone after 12 s. */
const ticksPerWord = 2;
const ticksPerTouch = 15;
/** Longer than a tick: each process that lives has its beat again. */
const trustAfterMs = 3_000;
/** How long Redis is waited for after this process has stood still. */
const afterStandstillMs = 5_000;
/** Readers of streams of other processes wait so long for a Redis that is away. */
const patienceMs = 3_000;
