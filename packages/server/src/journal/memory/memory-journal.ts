import { notQueued, type QueuedTimer, type TimerQueue } from '../../timers/timer-queue.ts';
import { notKept } from '../broken-streams.ts';
import type {
  Begun,
  Found,
  Journal,
  JournalLimits,
  Once,
  StreamEnding,
  StreamFacts,
  StreamHead,
  StreamOwner,
  StreamWriter,
} from '../contract.ts';
import { type ImageSource, StreamImage } from '../stream-image.ts';

export interface MemoryJournalOptions {
  /** The bounds in force; a reload may change them. */
  limits(): JournalLimits;
  readonly timers: TimerQueue;
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
  /** In the order in which they ended. */
  private readonly ended = new Set<MemoryStream>();
  private bytes = 0;

  constructor({ limits, timers }: MemoryJournalOptions) {
    this.limits = limits;
    this.timers = timers;
  }

  begin(facts: StreamFacts, once?: Once): Promise<Begun> {
    const known = once === undefined ? undefined : this.byOnce.get(onceKey(once));
    if (known !== undefined && once !== undefined) {
      return Promise.resolve(
        known.fingerprint === once.fingerprint ? { type: 'exists', view: known.view } : { type: 'conflict' },
      );
    }
    const stream = new MemoryStream(this, facts, once);
    this.streams.set(facts.id, stream);
    if (once !== undefined) this.byOnce.set(onceKey(once), stream);
    this.grew(stream, streamBytes);
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

  close(): Promise<void> {
    for (const stream of this.ended) this.timers.stop(stream);
    return Promise.resolve();
  }

  /** Everything that is kept is in the image. */
  load(): Promise<readonly string[]> {
    return Promise.reject(new Error('this event is not kept any more'));
  }

  followed(image: StreamImage): void {
    this.streams.get(image.facts.id)?.followersChanged();
  }

  /** A stream has grown by so many bytes: holds the bounds. */
  grew(stream: MemoryStream, bytes: number): void {
    stream.bytes += bytes;
    this.bytes += bytes;
    const { perStreamBytes, totalBytes } = this.limits();
    while (stream.bytes > perStreamBytes && this.shorten(stream));
    if (this.bytes <= totalBytes) return;
    for (const old of this.ended) {
      this.remove(old);
      if (this.bytes <= totalBytes) return;
    }
    while (this.bytes > totalBytes && this.shorten(stream));
  }

  /** The stream has ended. */
  keep(stream: MemoryStream): void {
    this.ended.add(stream);
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
    this.ended.delete(stream);
    this.timers.stop(stream);
    this.forgetOnce(stream);
    this.bytes -= stream.bytes;
    stream.gone();
  }

  private shorten(stream: MemoryStream): boolean {
    const { bytes, first } = stream.view;
    const dropped = stream.view.dropOldest();
    const freed = bytes - stream.view.bytes + (stream.view.first - first) * eventBytes;
    stream.bytes -= freed;
    this.bytes -= freed;
    return dropped;
  }
}

class MemoryStream implements StreamWriter, QueuedTimer {
  readonly view: StreamImage;
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

  constructor(journal: MemoryJournal, facts: StreamFacts, once: Once | undefined) {
    this.journal = journal;
    this.view = new StreamImage(facts, journal);
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
    if (this.view.ending !== undefined) return;
    this.view.add(payload);
    this.journal.grew(this, payload.length + eventBytes);
    this.view.changed();
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
    this.journal.grew(this, ending.payload?.length ?? 0);
    view.changed();
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

  /** The journal has it no more. Followers that are still reading it get at most the newest events. */
  gone(): void {
    this.view.broken = notKept;
    while (this.view.dropOldest());
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

const unknown: Found = { type: 'unknown' };

/** What a stream and an event take besides payloads, measured roughly. */
const streamBytes = 1_024;
const eventBytes = 24;

function onceKey({ keyId, key }: Once): string {
  return `${keyId}\n${key}`;
}
