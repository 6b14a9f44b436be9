import type { Failure } from '../../domain/failure.ts';
import { streamsUnavailable } from '../broken-streams.ts';
import type { Once, StreamEnding, StreamFacts, StreamHead, StreamOwner, StreamWriter } from '../contract.ts';
import { type ImageSource, StreamImage } from '../stream-image.ts';
import type { Append, Appending } from './append-queue.ts';
import { endingJson } from './stored-stream.ts';

/** What a written stream asks of its journal. */
export interface WriterJournal {
  load(image: StreamImage, number: number): Promise<readonly string[]>;
  /** The stream has something to append. */
  append(stream: WrittenStream): void;
  /** The window of the stream has grown. */
  grew(stream: WrittenStream): void;
  /** The stream is lost, or a lost stream has ended. */
  lost(stream: WrittenStream): void;
  /** Another process has taken it over: the journal brings its image to what Redis has. */
  fenced(stream: WrittenStream): void;
  /** It has been removed before it had output, and Redis may not know that. */
  removed(stream: WrittenStream): void;
  /** It has ended, or its last reader here has left after that. */
  changed(stream: WrittenStream): void;
}

/**
 * A stream that a run of this process writes.
 *
 *     event ──▶ waiting ──taken──▶ sent ──acknowledged──▶ image ──more()──▶ followers
 *
 *                 acknowledged
 *     running ──────────────────▶ ended        the ending is in Redis, or it was `removed`
 *        │ refused: away, gone
 *        ├──────────────────────▶ lost         what waits and what comes goes to the image at once, for the own reader
 *        │ refused: fenced
 *        └──────────────────────▶ fenced       the run is stopped; what waits is never shown
 */
export class WrittenStream implements StreamWriter, Appending, ImageSource {
  readonly view: StreamImage;
  readonly once: Once | undefined;
  state: 'running' | 'ended' | 'lost' | 'fenced' = 'running';
  waitingBytes = 0;
  private readonly journal: WriterJournal;
  private owner: StreamOwner | undefined;
  private hasReaders = false;
  private waiting: Frames;
  private sent: Frames | undefined;
  /** The writer has begun its answer. */
  private begun = false;
  /** The writer has ended it. */
  private over = false;
  private removing = false;
  /** Other processes with readers, and when they were heard last. */
  private readonly elsewhere = new Map<string, number>();

  constructor(journal: WriterJournal, facts: StreamFacts, once: Once | undefined) {
    this.journal = journal;
    this.view = new StreamImage(facts, this);
    this.view.keptFrom(1);
    this.once = once;
    this.waiting = noFrames();
  }

  own(owner: StreamOwner): void {
    this.owner = owner;
    this.hasReaders = this.isFollowed();
    if (this.hasReaders) owner.readersCame();
    else owner.readersLeft();
    if (this.state === 'lost') owner.lost();
    else if (this.state === 'fenced') owner.fenced();
  }

  begin(head: StreamHead): void {
    this.begun = true;
    if (this.state === 'lost') {
      this.view.head = head;
      this.view.changed();
    } else if (this.state === 'running') {
      this.waiting.head = head;
      this.journal.append(this);
    }
  }

  event(payload: string): void {
    if (this.over) return;
    if (this.state === 'running') {
      this.waiting.payloads.push(payload);
      this.waitingBytes += payload.length;
      this.journal.append(this);
    } else if (this.state === 'lost') {
      this.view.add(payload);
      this.journal.grew(this);
      this.view.changed();
    }
  }

  /** Followers are called after an acknowledgement, with all events of a turn; only those of a lost stream sooner. */
  gather(): void {
    if (this.state === 'lost') this.view.gather();
  }

  flush(): void {
    this.view.flush();
  }

  end(ending: StreamEnding): void {
    this.finish(ending);
  }

  discard(reason: Failure): void {
    this.removing = true;
    this.finish({ type: 'torn', failure: reason, payload: '' });
  }

  private finish(ending: StreamEnding): void {
    if (this.over) return;
    this.over = true;
    if (this.state === 'running') {
      this.waiting.ending = ending;
      this.waitingBytes += ending.payload?.length ?? 0;
      this.journal.append(this);
    } else if (this.state === 'lost') {
      this.view.ending = ending;
      this.view.changed();
      if (this.afterEnding(ending) === 'keep') this.journal.lost(this);
      else this.journal.removed(this);
    }
  }

  takeWaiting(): Append {
    const taken = this.waiting;
    this.sent = taken;
    this.waiting = noFrames();
    this.waitingBytes = 0;
    const { head, payloads, ending } = taken;
    return {
      id: this.view.facts.id,
      epoch: firstEpoch,
      from: this.view.lastEvent + 1,
      payloads,
      head: head === undefined ? '' : JSON.stringify(head),
      ending: ending === undefined ? '' : endingJson(ending),
      afterEnding: this.afterEnding(ending),
    };
  }

  private afterEnding(ending: StreamEnding | undefined): Append['afterEnding'] {
    if (this.removing) return 'remove';
    return ending?.type === 'torn' && !this.begun ? 'forget' : 'keep';
  }

  acknowledged(first: number | undefined): void {
    const { view, sent } = this;
    if (this.state !== 'running' || sent === undefined) return;
    this.sent = undefined;
    show(view, sent);
    if (first !== undefined) view.keptFrom(first);
    if (sent.ending !== undefined) this.state = 'ended';
    this.journal.grew(this);
    view.changed();
    if (sent.ending !== undefined) this.journal.changed(this);
  }

  refused(why: 'away' | 'gone' | 'fenced'): void {
    if (this.state !== 'running') return;
    // A copy of the same call was carried out before.
    if (why === 'gone' && this.removing && this.sent?.ending !== undefined) this.acknowledged(undefined);
    else if (why === 'fenced') this.fence();
    else this.lose();
  }

  /** Another process has ended the stream, or gone on with it. */
  fence(): void {
    if (this.state !== 'running') return;
    this.state = 'fenced';
    this.waiting = noFrames();
    this.sent = undefined;
    this.journal.fenced(this);
    this.owner?.fenced();
  }

  /** Redis may lack what was sent. The own reader gets it all the same, and what follows. */
  private lose(): void {
    const { view, sent, waiting } = this;
    this.state = 'lost';
    this.sent = undefined;
    this.waiting = noFrames();
    if (this.removing) {
      // There was no output. Those who waited for it hear why.
      view.ending = waiting.ending ?? sent?.ending;
      view.changed();
      this.journal.removed(this);
      return;
    }
    view.broken = streamsUnavailable;
    // Followers without `own` end by this call, before there is anything that Redis may lack.
    view.changed();
    if (sent !== undefined) show(view, sent);
    show(view, waiting);
    this.journal.grew(this);
    view.changed();
    this.journal.lost(this);
    this.owner?.lost();
  }

  load(image: StreamImage, number: number): Promise<readonly string[]> {
    return this.journal.load(image, number);
  }

  followed(): void {
    this.readersChanged();
    this.journal.changed(this);
  }

  /** Another process has readers of this stream, or still has. */
  readBy(process: string, nowMs: number): void {
    this.elsewhere.set(process, nowMs);
    this.readersChanged();
  }

  /** It has none any more. */
  leftBy(process: string): void {
    if (this.elsewhere.delete(process)) this.readersChanged();
  }

  /** Processes that were not heard since then count as gone. */
  forgetSilent(sinceMs: number): void {
    for (const [process, heardMs] of this.elsewhere) if (heardMs < sinceMs) this.leftBy(process);
  }

  private isFollowed(): boolean {
    return this.view.followed > 0 || this.elsewhere.size > 0;
  }

  private readersChanged(): void {
    const { owner } = this;
    const has = this.isFollowed();
    if (owner === undefined || has === this.hasReaders) return;
    this.hasReaders = has;
    if (has) owner.readersCame();
    else owner.readersLeft();
  }
}

/** The epoch of the process that has begun a stream. */
const firstEpoch = '1';

/** What a stream appends. */
interface Frames {
  head: StreamHead | undefined;
  readonly payloads: string[];
  ending: StreamEnding | undefined;
}

function noFrames(): Frames {
  return { head: undefined, payloads: [], ending: undefined };
}

function show(view: StreamImage, { head, payloads, ending }: Frames): void {
  if (head !== undefined) view.head = head;
  for (const payload of payloads) view.add(payload);
  if (ending !== undefined) view.ending = ending;
}
