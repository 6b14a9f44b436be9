import type { Channel } from '../../channels/contract.ts';
import { assertNever } from '../../domain/assert-never.ts';
import { type Failure, failure } from '../../domain/failure.ts';
import { notKept } from '../broken-streams.ts';
import type {
  Begun,
  Found,
  Journal,
  Once,
  StreamEnding,
  StreamFacts,
  StreamHead,
  StreamOwner,
  StreamWriter,
} from '../contract.ts';
import { type ImageSource, StreamImage } from '../stream-image.ts';
import type { Frames, FromJournal, StreamState, ToJournal } from './messages.ts';

export interface RemoteJournalOptions {
  /** The payload of the error event by which readers learn that this process has died, by the stream's surface. */
  errorPayload(facts: StreamFacts, reason: Failure): string;
}

/**
 * The journal of another process (`serve-journal.ts`). What is here of a stream is its newest part; older events are loaded from
 * there.
 *
 *     event ──▶ waiting ──end of the turn──▶ sent ──acknowledged──▶ image ──more()──▶ followers
 *
 * So a process that is killed takes nothing back that a reader has had.
 */
export function createRemoteJournal(channel: Channel, options: RemoteJournalOptions): Journal {
  return new RemoteJournal(channel, options);
}

type Answer = Extract<FromJournal, { readonly call: number }>;
/** A call without its number. */
type Call = WithoutCall<Extract<ToJournal, { readonly call: number }>>;
type WithoutCall<Message> = Message extends unknown ? Omit<Message, 'call'> : never;

/** What the newest events of one stream may take in this process; the newest one is always here. */
const imageBytes = 64 * 1024;

class RemoteJournal implements Journal, ImageSource {
  private readonly channel: Channel;
  private readonly options: RemoteJournalOptions;
  private readonly calls = new Map<number, (answer: Answer | undefined) => void>();
  /** Streams that runs of this process write. */
  private readonly written = new Map<string, WrittenStream>();
  /** The images of each stream that connections of this process follow. */
  private readonly followedImages = new Map<string, Set<StreamImage>>();
  private lastCall = 0;
  private open = true;
  private waiting: ToJournal[] = [];
  private readonly appending = new Set<WrittenStream>();
  private leaving = false;

  constructor(channel: Channel, options: RemoteJournalOptions) {
    this.channel = channel;
    this.options = options;
    // Only `serveJournal` of the same version writes to this channel.
    channel.onMessage((messages) => {
      for (const message of messages as readonly FromJournal[]) this.take(message);
    });
    channel.onClose(() => {
      this.open = false;
      for (const resolve of this.calls.values()) resolve(undefined);
      this.calls.clear();
    });
  }

  async begin(facts: StreamFacts, once?: Once): Promise<Begun> {
    const payload = this.options.errorPayload(facts, processDied);
    const lastWords = { type: 'torn', failure: processDied, payload } as const;
    const answer = await this.call({ type: 'begin', facts, once, lastWords });
    if (answer?.type === 'begun') {
      const stream = new WrittenStream(this, facts);
      this.written.set(facts.id, stream);
      return { type: 'begun', writer: stream };
    }
    if (answer?.type === 'found') return { type: 'exists', view: this.imageOf(answer.stream) };
    return answer?.type === 'conflict' ? { type: 'conflict' } : { type: 'unavailable' };
  }

  async find(id: string): Promise<Found> {
    return this.found(await this.call({ type: 'find', id }));
  }

  async findOnce(once: Once): Promise<Found | { readonly type: 'conflict' }> {
    const answer = await this.call({ type: 'find-once', once });
    return answer?.type === 'conflict' ? { type: 'conflict' } : this.found(answer);
  }

  async drop(id: string): Promise<void> {
    await this.call({ type: 'drop', id });
  }

  available(): boolean {
    return this.open;
  }

  /** The process that has the journal shows them. */
  figures(): undefined {
    return undefined;
  }

  close(): Promise<void> {
    this.channel.close();
    return Promise.resolve();
  }

  async load(image: StreamImage, number: number): Promise<readonly string[]> {
    const answer = await this.call({ type: 'load', id: image.facts.id, number });
    const kept = answer?.type === 'loaded' ? answer.kept : undefined;
    if (kept === undefined) image.broken ??= notKept;
    else if (kept.payloads.length > 0) return kept.payloads;
    else image.keptFrom(kept.first);
    throw new Error('this event is not kept any more');
  }

  followed(image: StreamImage): void {
    const { id } = image.facts;
    const images = this.followedImages.get(id);
    if (image.followed === 0) {
      images?.delete(image);
      if (images?.size !== 0) return;
      this.followedImages.delete(id);
      this.say({ type: 'leave', id });
      return;
    }
    if (images?.has(image) === true) return;
    if (images === undefined) {
      this.followedImages.set(id, new Set([image]));
      this.say({ type: 'follow', id, from: image.lastEvent + 1 });
      return;
    }
    const [other] = images;
    images.add(image);
    if (other !== undefined) catchUp(image, other);
  }

  /** The stream has something to append; it leaves at the end of this turn. */
  append(stream: WrittenStream): void {
    this.appending.add(stream);
    this.leaveSoon();
  }

  say(message: ToJournal): void {
    this.waiting.push(message);
    this.leaveSoon();
  }

  private leaveSoon(): void {
    if (this.leaving) return;
    this.leaving = true;
    setImmediate(this.leave);
  }

  private readonly leave = (): void => {
    this.leaving = false;
    const messages = this.waiting;
    this.waiting = [];
    for (const stream of this.appending) messages.push(stream.takeFrames());
    this.appending.clear();
    this.channel.send(messages);
  };

  private call(call: Call): Promise<Answer | undefined> {
    if (!this.open) return Promise.resolve(undefined);
    this.lastCall += 1;
    const number = this.lastCall;
    return new Promise((resolve) => {
      this.calls.set(number, resolve);
      this.say({ ...call, call: number });
    });
  }

  private found(answer: Answer | undefined): Found {
    if (answer?.type === 'found') return { type: 'found', view: this.imageOf(answer.stream) };
    return { type: answer === undefined ? 'unavailable' : 'unknown' };
  }

  private imageOf({ facts, head, first, lastEvent, ending, broken }: StreamState): StreamImage {
    const own = this.written.get(facts.id)?.view;
    const [followed] = this.followedImages.get(facts.id) ?? [];
    if (own !== undefined || followed !== undefined) return own ?? (followed as StreamImage);
    const image = new StreamImage(facts, this, lastEvent + 1);
    image.keptFrom(first);
    image.head = head;
    image.ending = ending;
    image.broken = broken;
    return image;
  }

  private take(message: FromJournal): void {
    switch (message.type) {
      case 'acknowledged': {
        const stream = this.written.get(message.id);
        if (stream?.acknowledged(message.first) === 'ended') this.written.delete(message.id);
        break;
      }
      case 'readers':
        this.written.get(message.id)?.readers(message.came);
        break;
      case 'frames':
        for (const image of [...(this.followedImages.get(message.id) ?? [])]) takeFrames(image, message);
        this.say({ type: 'got', id: message.id });
        break;
      case 'begun':
      case 'conflict':
      case 'unknown':
      case 'dropped':
      case 'found':
      case 'loaded': {
        const resolve = this.calls.get(message.call);
        this.calls.delete(message.call);
        resolve?.(message);
        break;
      }
      default:
        assertNever(message);
    }
  }
}

/** A stream that a run of this process writes. */
class WrittenStream implements StreamWriter {
  readonly view: StreamImage;
  private readonly journal: RemoteJournal;
  private owner: StreamOwner | undefined;
  private head: StreamHead | undefined;
  private payloads: string[] = [];
  private ending: StreamEnding | undefined;
  private discarded = false;
  private over = false;
  /** What has been sent and is not acknowledged, a turn each. */
  private readonly sent: Frames[] = [];

  constructor(journal: RemoteJournal, facts: StreamFacts) {
    this.journal = journal;
    this.view = new StreamImage(facts, journal);
    this.view.keptFrom(1);
  }

  own(owner: StreamOwner): void {
    this.owner = owner;
    this.journal.say({ type: 'own', id: this.view.facts.id });
  }

  begin(head: StreamHead): void {
    this.head = head;
    this.journal.append(this);
  }

  event(payload: string): void {
    if (this.over) return;
    this.payloads.push(payload);
    this.journal.append(this);
  }

  /** Followers are called after an acknowledgement, with all events of a turn. */
  gather(): void {}

  flush(): void {}

  end(ending: StreamEnding): void {
    if (this.over) return;
    this.over = true;
    this.ending = ending;
    this.journal.append(this);
  }

  discard(reason: Failure): void {
    this.discarded = true;
    this.end({ type: 'torn', failure: reason, payload: '' });
  }

  /** What the journal gets at the end of a turn. */
  takeFrames(): ToJournal {
    const { head, payloads, ending, discarded: discard } = this;
    this.head = undefined;
    this.payloads = [];
    this.ending = undefined;
    const frames = { head, payloads, ending, discard };
    this.sent.push(frames);
    return { type: 'append', id: this.view.facts.id, ...frames };
  }

  /** The oldest frames that were sent are in the journal. */
  acknowledged(first: number): 'ended' | 'running' {
    const frames = this.sent.shift();
    if (frames === undefined) return 'running';
    takeFrames(this.view, { ...frames, from: this.view.lastEvent + 1, first, broken: undefined });
    return frames.ending === undefined ? 'running' : 'ended';
  }

  readers(came: boolean): void {
    if (came) this.owner?.readersCame();
    else this.owner?.readersLeft();
  }
}

/** Adds to an image what it does not have yet, and calls its followers. */
function takeFrames(
  image: StreamImage,
  {
    from,
    first,
    head,
    payloads,
    ending,
    broken,
  }: Omit<Extract<FromJournal, { type: 'frames' }>, 'type' | 'id'>,
): void {
  if (head !== undefined) image.head = head;
  // Events between have been dropped meanwhile, perhaps all that there were.
  if (from > image.lastEvent + 1) image.restart(from);
  for (const payload of payloads.slice(image.lastEvent + 1 - from)) image.add(payload);
  image.keptFrom(first);
  image.keepNewest(imageBytes);
  if (ending !== undefined) image.ending = ending;
  if (broken !== undefined) image.broken = broken;
  image.changed();
}

/** Brings a second image of a stream to where a followed one is; it loads what it lacks. */
function catchUp(image: StreamImage, other: StreamImage): void {
  if (image.lastEvent < other.lastEvent) image.restart(other.lastEvent + 1);
  image.keptFrom(other.first);
  image.head = other.head;
  image.ending = other.ending;
  image.broken = other.broken;
}

const processDied = failure(
  'upstream_cut',
  'The process that wrote this answer ended before the answer was complete.',
);
