import { notQueued, type QueuedTimer, type TimerQueue } from '../../timers/timer-queue.ts';
import { notKept } from '../broken-streams.ts';
import type {
  Begun,
  Found,
  Journal,
  JournalFigures,
  JournalLimits,
  Once,
  StreamEnding,
  StreamFacts,
  StreamHead,
  StreamOwner,
  StreamWriter,
} from '../contract.ts';
import { PagePool } from '../page-pool.ts';
import { type ImageSource, StreamImage } from '../stream-image.ts';

export interface MemoryJournalOptions {
  /** The bounds in force; a reload may change them. */
  limits(): JournalLimits;
  readonly timers: TimerQueue;
  /** Where the payloads lie; by default of its own. */
  readonly pages?: PagePool;
}

/** The journal of one process, in its memory. It acknowledges each event at once. */
export function createMemoryJournal(options: MemoryJournalOptions): Journal {
  return new MemoryJournal(options);
}

class MemoryJournal implements Journal, ImageSource {
  private readonly limits: MemoryJournalOptions['limits'];
  private readonly timers: TimerQueue;
  private readonly streams = new Map<string, MemoryStream>();
  private readonly byOnce = new Map<string, MemoryStream>();
  private readonly holders = new Map<string, Holder>();
  /** For all streams: each gives its pages back when it is removed. */
  readonly pages: PagePool;
  private bytes = 0;
  private evictedStreams = 0;
  private evictedEvents = 0;

  constructor({ limits, timers, pages = new PagePool(slabPages) }: MemoryJournalOptions) {
    this.limits = limits;
    this.timers = timers;
    this.pages = pages;
  }

  begin(facts: StreamFacts, once?: Once): Promise<Begun> {
    const known = once === undefined ? undefined : this.byOnce.get(onceKey(once));
    if (known !== undefined && once !== undefined) {
      return Promise.resolve(
        known.fingerprint === once.fingerprint ? { type: 'exists', view: known.view } : { type: 'conflict' },
      );
    }
    const stream = new MemoryStream(this, this.holderOf(facts), facts, once);
    this.streams.set(facts.id, stream);
    stream.holder.running.add(stream);
    if (once !== undefined) this.byOnce.set(onceKey(once), stream);
    this.grew(stream);
    return Promise.resolve({ type: 'begun', writer: stream });
  }

  find(id: string): Promise<Found> {
    const stream = this.streams.get(id);
    return Promise.resolve(stream === undefined ? unknown : { type: 'found', view: stream.view });
  }

  findOnce(once: Once): Promise<Found | { readonly type: 'conflict' }> {
    const stream = this.byOnce.get(onceKey(once));
    if (stream === undefined) return Promise.resolve(unknown);
    if (stream.fingerprint !== once.fingerprint) return Promise.resolve({ type: 'conflict' });
    return Promise.resolve({ type: 'found', view: stream.view });
  }

  drop(id: string): Promise<void> {
    const stream = this.streams.get(id);
    if (stream?.view.ending !== undefined) this.remove(stream);
    return Promise.resolve();
  }

  available(): boolean {
    return true;
  }

  figures(): JournalFigures {
    const { bytes, evictedStreams, evictedEvents } = this;
    let runningStreams = 0;
    for (const { running } of this.holders.values()) runningStreams += running.size;
    return {
      available: true,
      runningStreams,
      endedStreams: this.streams.size - runningStreams,
      ...{ bytes, evictedStreams, evictedEvents },
      limitBytes: this.limits().totalBytes,
    };
  }

  close(): Promise<void> {
    for (const stream of this.streams.values()) this.timers.stop(stream);
    return Promise.resolve();
  }

  /** Everything that is kept is in the image. */
  load(): Promise<readonly string[]> {
    return Promise.reject(new Error('this event is not kept any more'));
  }

  followed(image: StreamImage): void {
    this.streams.get(image.facts.id)?.followersChanged();
  }

  /** A stream has grown: holds the bounds. */
  grew(stream: MemoryStream): void {
    this.countAll(stream);
    this.holdBounds(stream);
  }

  holdBounds(stream: MemoryStream): void {
    const { perStreamBytes, totalBytes } = this.limits();
    while (stream.bytes > perStreamBytes && this.shorten(stream));
    if (this.bytes > totalBytes) this.makeRoom(totalBytes);
  }

  /**
   * The API key that has the most gives first: its oldest ended stream, one without readers before all others, else the oldest
   * events of its largest stream that has some to give. So no key takes away what is kept for a key that has less.
   */
  private makeRoom(totalBytes: number): void {
    const givesNoMore = new Set<Holder>();
    while (this.bytes > totalBytes) {
      let heaviest: Holder | undefined;
      for (const holder of this.holders.values()) {
        if (!givesNoMore.has(holder) && holder.bytes > (heaviest?.bytes ?? 0)) heaviest = holder;
      }
      if (heaviest === undefined) return;
      const oldest = oldestOf(heaviest.ended);
      if (oldest !== undefined) {
        this.evictedStreams += 1;
        this.remove(oldest);
      } else if (!this.shortenLargest(heaviest.running)) givesNoMore.add(heaviest);
    }
  }

  private shortenLargest(running: ReadonlySet<MemoryStream>): boolean {
    let largest: MemoryStream | undefined;
    for (const stream of running) {
      if (stream.bytes > (largest?.bytes ?? 0) && stream.view.canDrop) largest = stream;
    }
    return largest !== undefined && this.shorten(largest);
  }

  private countAll(stream: MemoryStream): void {
    this.count(stream, streamBytes + stream.view.bytes);
  }

  private count(stream: MemoryStream, bytes: number): void {
    const more = bytes - stream.bytes;
    stream.bytes = bytes;
    stream.holder.bytes += more;
    this.bytes += more;
  }

  private holderOf({ keyId }: StreamFacts): Holder {
    let holder = this.holders.get(keyId);
    if (holder === undefined) {
      holder = { bytes: 0, running: new Set(), ended: new Set() };
      this.holders.set(keyId, holder);
    }
    return holder;
  }

  /** The stream has ended. */
  keep(stream: MemoryStream): void {
    const { running, ended } = stream.holder;
    running.delete(stream);
    ended.add(stream);
    this.countAll(stream);
    this.timers.start(stream, this.limits().retentionMs);
  }

  /** The next request with the same key begins a stream of its own. The key may belong to such a stream already. */
  forgetOnce(stream: MemoryStream): void {
    const { once } = stream;
    if (once !== undefined && this.byOnce.get(once) === stream) this.byOnce.delete(once);
  }

  remove(stream: MemoryStream): void {
    const { id } = stream.view.facts;
    if (this.streams.get(id) !== stream) return;
    this.streams.delete(id);
    const { holder } = stream;
    holder.running.delete(stream);
    holder.ended.delete(stream);
    this.timers.stop(stream);
    this.forgetOnce(stream);
    this.count(stream, 0);
    if (holder.running.size + holder.ended.size === 0) this.holders.delete(stream.view.facts.keyId);
    stream.gone();
  }

  private shorten(stream: MemoryStream): boolean {
    const dropped = stream.view.dropOldest();
    if (dropped) this.evictedEvents += 1;
    this.countAll(stream);
    return dropped;
  }
}

/** What the streams of one API key take. */
interface Holder {
  bytes: number;
  readonly running: Set<MemoryStream>;
  /** In the order in which they ended. */
  readonly ended: Set<MemoryStream>;
}

class MemoryStream implements StreamWriter, QueuedTimer {
  readonly view: StreamImage;
  readonly holder: Holder;
  readonly once: string | undefined;
  readonly fingerprint: string | undefined;
  /** What the journal counts for it. */
  bytes = 0;
  dueMs = 0;
  place = notQueued;
  private readonly journal: MemoryJournal;
  /** Undefined from the end of the stream on: a kept stream must not hold its run, which is larger than most streams. */
  private owner: StreamOwner | undefined;
  private hasReaders = false;

  constructor(journal: MemoryJournal, holder: Holder, facts: StreamFacts, once: Once | undefined) {
    this.journal = journal;
    this.holder = holder;
    this.view = new StreamImage(facts, journal, 1, journal.pages);
    this.once = once === undefined ? undefined : onceKey(once);
    this.fingerprint = once?.fingerprint;
  }

  own(owner: StreamOwner): void {
    if (this.view.ending !== undefined) return;
    this.owner = owner;
    this.hasReaders = this.view.followed > 0;
    if (this.hasReaders) owner.readersCame();
    else owner.readersLeft();
  }

  begin(head: StreamHead): void {
    this.view.head = head;
  }

  event(payload: string): void {
    const { view } = this;
    if (view.ending !== undefined) return;
    if (view.add(payload)) this.journal.grew(this);
    view.changed();
  }

  gather(): void {
    this.view.gather();
  }

  flush(): void {
    this.view.flush();
  }

  end(ending: StreamEnding): void {
    const { view } = this;
    if (view.ending !== undefined || view.broken !== undefined) return;
    view.ending = ending;
    this.owner = undefined;
    if (ending.type === 'torn' && view.head === undefined) this.journal.forgetOnce(this);
    this.journal.keep(this);
    // Also where events are being gathered: the journal may remove this very stream for its bounds, and those who follow it have a
    // right to its end.
    view.gather();
    view.changed();
    view.flush();
    this.journal.holdBounds(this);
  }

  discard(reason: Parameters<StreamWriter['discard']>[0]): void {
    const { view } = this;
    if (view.ending !== undefined) return;
    view.ending = { type: 'torn', failure: reason, payload: '' };
    this.owner = undefined;
    this.journal.remove(this);
    view.changed();
  }

  /** The retention is over. */
  fire(): void {
    this.journal.remove(this);
  }

  /** The journal has it no more, so followers that are still reading it get none of its events. */
  gone(): void {
    this.view.broken = notKept;
    this.view.restart();
    this.view.changed();
  }

  followersChanged(): void {
    const { owner } = this;
    const has = this.view.followed > 0;
    if (owner === undefined || has === this.hasReaders) return;
    this.hasReaders = has;
    if (has) owner.readersCame();
    else owner.readersLeft();
  }
}

/** The stream that ended first among those without readers, or among all where each has one. */
function oldestOf(ended: ReadonlySet<MemoryStream>): MemoryStream | undefined {
  for (const stream of ended) if (stream.view.followed === 0) return stream;
  const [first] = ended;
  return first;
}

const unknown: Found = { type: 'unknown' };

/** What a stream takes besides its pages, measured roughly. */
const streamBytes = 1_024;

/** 1 MiB. */
const slabPages = 512;

function onceKey({ keyId, key }: Once): string {
  return `${keyId}\n${key}`;
}
