import type { Channel } from '../../channels/contract.ts';
import { assertNever } from '../../domain/assert-never.ts';
import { notKept } from '../broken-streams.ts';
import type { Found, Journal, StreamEnding, StreamFollower, StreamView, StreamWriter } from '../contract.ts';
import type { FromJournal, StreamState, ToJournal } from './messages.ts';
import { createTurnBox } from './turn-box.ts';

/** Payload bytes of one message to a process that follows a stream; the next one leaves when it has this one. */
const mostFrameBytes = 256 * 1024;

/** Lets the process at the other end of the channel use a journal of this process, until the channel closes: then the streams that it writes end. */
export function serveJournal(channel: Channel, journal: Journal): void {
  const written = new Map<string, WrittenStream>();
  const followed = new Map<string, FollowedStream>();
  /** From which event on streams will be followed that are still being looked for. */
  const asked = new Map<string, number>();
  const say = createTurnBox<FromJournal>((messages) => channel.send(messages));
  let open = true;

  function answerFound(call: number, found: Found | { readonly type: 'conflict' }): void {
    switch (found.type) {
      case 'found':
        say({ type: 'found', call, stream: stateOf(found.view) });
        break;
      case 'conflict':
        say({ type: 'conflict', call });
        break;
      // The journal of a process is always available.
      case 'unknown':
      case 'unavailable':
        say({ type: 'unknown', call });
        break;
      default:
        assertNever(found);
    }
  }

  async function begin({ call, facts, once, lastWords }: Extract<ToJournal, { type: 'begin' }>) {
    const begun = await journal.begin(facts, once);
    if (begun.type !== 'begun') {
      answerFound(call, begun.type === 'exists' ? { type: 'found', view: begun.view } : withoutView(begun));
      return;
    }
    if (!open) {
      begun.writer.end(lastWords);
      return;
    }
    written.set(facts.id, { writer: begun.writer, lastWords });
    say({ type: 'begun', call });
  }

  async function load({ call, id, number }: Extract<ToJournal, { type: 'load' }>) {
    const found = await journal.find(id);
    const view = followed.get(id)?.view ?? (found.type === 'found' ? found.view : undefined);
    if (view === undefined || view.broken !== undefined) say({ type: 'loaded', call, kept: undefined });
    else say({ type: 'loaded', call, kept: { payloads: payloadsFrom(view, number), first: view.first } });
  }

  async function follow(id: string, from: number): Promise<void> {
    const own = written.get(id);
    asked.set(id, from);
    const found =
      own === undefined ? await journal.find(id) : { type: 'found' as const, view: own.writer.view };
    // It may have left meanwhile, and have come back with another place.
    const latest = asked.get(id);
    asked.delete(id);
    if (latest !== undefined) followFound(id, latest, { found, own: own !== undefined });
  }

  function followFound(
    id: string,
    from: number,
    { found, own }: { readonly found: Found; readonly own: boolean },
  ): void {
    if (!open || followed.has(id)) return;
    if (found.type !== 'found') {
      say({ type: 'frames', id, from, first: from, payloads: [], broken: notKept });
      return;
    }
    followed.set(id, new FollowedStream(found.view, { from, own, say }));
  }

  function append({ id, head, payloads, ending, discard }: Extract<ToJournal, { type: 'append' }>): void {
    const stream = written.get(id);
    if (stream === undefined) return;
    const { writer } = stream;
    writer.gather();
    if (head !== undefined) writer.begin(head);
    for (const payload of payloads) writer.event(payload);
    // A process that has several things to say of a stream has acknowledged them when the first reader sees them.
    say({ type: 'acknowledged', id, first: writer.view.first });
    if (ending !== undefined) {
      written.delete(id);
      if (discard === true && ending.type === 'torn') writer.discard(ending.failure);
      else writer.end(ending);
    }
    writer.flush();
  }

  function take(message: ToJournal): void {
    switch (message.type) {
      case 'begin':
        void begin(message);
        break;
      case 'find':
        void journal.find(message.id).then((found) => answerFound(message.call, found));
        break;
      case 'find-once':
        void journal.findOnce(message.once).then((found) => answerFound(message.call, found));
        break;
      case 'drop':
        void journal.drop(message.id).then(() => say({ type: 'dropped', call: message.call }));
        break;
      case 'load':
        void load(message);
        break;
      case 'append':
        append(message);
        break;
      case 'own': {
        const { id } = message;
        written.get(id)?.writer.own({
          readersCame: () => say({ type: 'readers', id, came: true }),
          readersLeft: () => say({ type: 'readers', id, came: false }),
          // The journal of a process loses no stream, and nobody else writes it.
          lost: () => {},
          fenced: () => {},
        });
        break;
      }
      case 'follow':
        void follow(message.id, message.from);
        break;
      case 'leave':
        asked.delete(message.id);
        followed.get(message.id)?.leave();
        followed.delete(message.id);
        break;
      case 'got':
        followed.get(message.id)?.got();
        break;
      default:
        assertNever(message);
    }
  }

  // Only a remote journal of the same version writes to this channel.
  channel.onMessage((messages) => {
    for (const message of messages as readonly ToJournal[]) take(message);
  });
  channel.onClose(() => {
    open = false;
    for (const stream of followed.values()) stream.leave();
    for (const { writer, lastWords } of written.values()) writer.end(lastWords);
  });
}

interface WrittenStream {
  readonly writer: StreamWriter;
  readonly lastWords: StreamEnding;
}

/** A process that follows a stream: one follower of the journal, for all its connections. */
class FollowedStream implements StreamFollower {
  readonly own = false;
  readonly view: StreamView;
  private readonly say: (message: FromJournal) => void;
  private readonly writtenThere: boolean;
  readonly leave: () => void;
  private next: number;
  private saidHead = false;
  private saidEnding = false;
  /** Frames are on their way that the process has not acknowledged. */
  private underWay = false;

  constructor(
    view: StreamView,
    { from, own, say }: { readonly from: number; readonly own: boolean; say(message: FromJournal): void },
  ) {
    this.view = view;
    this.say = say;
    this.next = from;
    this.writtenThere = own;
    this.leave = view.follow(this);
    this.more();
  }

  more(): void {
    if (this.underWay || this.saidEnding) return;
    const { view } = this;
    if (this.writtenThere) {
      this.sayBroken();
      return;
    }
    const { facts, first, broken } = view;
    const lastEvent = lastEventOf(view);
    if (this.next < first) this.next = first;
    const from = this.next;
    const payloads = from > lastEvent ? [] : payloadsFrom(view, from);
    this.next += payloads.length;
    const isAll = this.next > lastEvent;
    const ending = isAll ? view.ending : undefined;
    const head = this.saidHead ? undefined : view.head;
    if (payloads.length === 0 && ending === undefined && head === undefined && broken === undefined) return;
    this.saidHead = view.head !== undefined;
    this.saidEnding = ending !== undefined || broken !== undefined;
    this.underWay = true;
    this.say({ type: 'frames', id: facts.id, from, first, head, payloads, ending, broken });
  }

  /** The process that writes the stream has everything but this. */
  private sayBroken(): void {
    const { view } = this;
    const { facts, first, broken } = view;
    if (broken === undefined) return;
    this.saidEnding = true;
    const from = lastEventOf(view) + 1;
    this.say({ type: 'frames', id: facts.id, from, first, payloads: [], broken });
  }

  got(): void {
    this.underWay = false;
    this.more();
  }
}

function stateOf(view: StreamView): StreamState {
  const { facts, head, first, ending, broken } = view;
  return { facts, head, first, ending, broken, lastEvent: lastEventOf(view) };
}

function lastEventOf({ last, ending }: StreamView): number {
  return ending?.payload === undefined ? last : last - 1;
}

/** The payloads from event `number` on, as many as one message takes; none where it is not kept. */
function payloadsFrom(view: StreamView, number: number): readonly string[] {
  const payloads: string[] = [];
  const last = lastEventOf(view);
  for (let bytes = 0; number + payloads.length <= last && bytes < mostFrameBytes; ) {
    const payload = view.event(number + payloads.length);
    if (payload === undefined) break;
    payloads.push(payload);
    bytes += payload.length;
  }
  return payloads;
}

function withoutView(begun: {
  readonly type: 'conflict' | 'unavailable';
}): Found | { readonly type: 'conflict' } {
  return begun.type === 'conflict' ? { type: 'conflict' } : { type: 'unknown' };
}
