/**
 * Node gives its HTTP parser each read of a socket whole: 64 KiB, which may hold 2,100 requests or 11,000 chunks of one
 * byte. All of them are handled before any other work (0.35 s for one connection, 9 s for a hundred). The feed stands
 * between the socket and the parser: it cuts the bytes into slices, and in each turn of the event loop gives the parser as
 * many slices as fit into a share of time:
 *
 *     socket ──'data'──▶ unparsed ──slices──▶ Node's own 'data' listener ──▶ parser ──▶ 'request', pieces of bodies
 *        ▲                   │
 *        └─ paused while ────┘   between two slices another connection has its turn; one that has just sent something
 *           there is any         comes before those whose earlier bytes are still unparsed
 *
 * A slice ends where a head ends, or after 128 line feeds. Each request has the end of a head, and each chunk, header and
 * trailer has a line feed, so a slice holds at most two requests and 64 chunks. An ordinary request is fed in the same call
 * that read it, in two slices: its head and its body.
 *
 * It costs an ordinary request 9 µs of 130 (Node's read fills a new buffer each time, the parser's own read does not), and
 * a body of 5 MB 8 ms of 42. Tiny chunks cost 3 µs each, as before, but only their own connection waits for them.
 *
 * Whatever pauses the socket (Node, where answers are not read; a full body; a refusal) pauses the feed too, between two
 * slices. Without the feed it would take effect only after the whole read.
 */
import { Socket } from 'node:net';

/** One for all connections of a server. */
export interface ParserFeed {
  /** Stands in front of Node's own listener for the socket's bytes. Called on 'connection', after Node's listener. */
  take(socket: Socket): void;
}

export interface ParserFeedParts {
  /** Monotonic milliseconds. */
  now(): number;
  /** Calls back in a later turn of the event loop. */
  later(callback: () => void): void;
}

/** Milliseconds a turn for the parser and the handlers that it calls; reactions to promises that they settle run after it. */
const shareMs = 5;
const linesASlice = 128;
/** No request is shorter. In a body of blank lines it keeps slices above the size that {@link receiveBody} refuses. */
const leastSliceBytes = 16;
/** The head and the body of an ordinary request. */
const slicesATurn = 2;

type Listener = ReturnType<Socket['listeners']>[number];

const lineFeed = 10;
const carriageReturn = 13;

/** Where the slice ends that begins at `from`. */
export function sliceEnd(bytes: Buffer, from: number): number {
  let at = from - 1;
  for (let lines = 0; lines < linesASlice; lines += 1) {
    at = bytes.indexOf(lineFeed, at + 1);
    if (at < 0) return bytes.length;
    const blank = bytes[at - 1] === carriageReturn && bytes[at - 2] === lineFeed;
    if (blank && at - from >= leastSliceBytes) break;
  }
  return at + 1;
}

const feeds = new WeakMap<Socket, Feed>();

/** Gives a socket back as Node made it, without its listeners for 'data' and 'end'. What has not been parsed is thrown away. */
export function stopFeeding(socket: Socket): void {
  feeds.get(socket)?.stop();
}

export function createParserFeed(parts: ParserFeedParts): ParserFeed {
  const turns = new FeedTurns(parts);
  return {
    take(socket) {
      const [toParser, ...others] = socket.listeners('data');
      const atEnd = socket.listeners('end');
      // A later version of Node may listen in another way: then it feeds its parser itself.
      if (toParser === undefined || others.length > 0) return;
      feeds.set(socket, new Feed(socket, toParser, atEnd, turns));
    },
  };
}

/** Gives turns to all connections with unparsed bytes. */
class FeedTurns {
  /** Connections that had no unparsed bytes before their last read. */
  private readonly fresh = new Set<Feed>();
  private readonly others = new Set<Feed>();
  private readonly parts: ParserFeedParts;
  /** When feeding began in this turn of the loop; undefined before it begins. */
  private startedMs: number | undefined;
  private planned = false;

  constructor(parts: ParserFeedParts) {
    this.parts = parts;
  }

  /** Whether a connection that has just sent something may be fed at once. */
  mayFeedAtOnce(): boolean {
    if (this.fresh.size + this.others.size > 0) return false;
    this.startedMs ??= this.parts.now();
    this.plan();
    return this.hasTime(this.startedMs);
  }

  later(callback: () => void): void {
    this.parts.later(callback);
  }

  join(feed: Feed, fresh: boolean): void {
    (fresh ? this.fresh : this.others).add(feed);
    this.plan();
  }

  leave(feed: Feed): void {
    this.fresh.delete(feed);
    this.others.delete(feed);
  }

  private hasTime(startedMs: number): boolean {
    return this.parts.now() - startedMs < shareMs;
  }

  private plan(): void {
    if (this.planned) return;
    this.planned = true;
    this.parts.later(this.serve);
  }

  private readonly serve = (): void => {
    this.planned = false;
    this.startedMs = undefined;
    if (this.fresh.size + this.others.size === 0) return;
    const startedMs = this.parts.now();
    // Iterating a set also visits entries that are added meanwhile, in order.
    for (const queue of [this.fresh, this.others]) {
      for (const feed of queue) {
        queue.delete(feed);
        feed.takeTurn();
        if (!this.hasTime(startedMs)) {
          if (this.fresh.size + this.others.size > 0) this.plan();
          return;
        }
      }
    }
  };
}

/** For a listener that `listeners` has returned, whose type is `Function` only. */
function removeListener(socket: Socket, event: string, listener: Listener): void {
  Reflect.apply(socket.off, socket, [event, listener]);
}

/**
 * The feed of one connection. Its listeners are functions for all sockets, which find it in `feeds`: five bound functions of
 * each feed would take 280 bytes of every connection.
 */
class Feed {
  private readonly socket: Socket;
  private readonly toParser: Listener;
  private readonly atEnd: readonly Listener[];
  private readonly turns: FeedTurns;
  /** Bytes that have come and are not parsed; while there are any the socket is paused. */
  private unparsed: Buffer | undefined;
  private feeding = false;
  /** Node or a handler has paused the socket. */
  private held = false;
  private ended = false;

  constructor(socket: Socket, toParser: Listener, atEnd: readonly Listener[], turns: FeedTurns) {
    this.socket = socket;
    this.toParser = toParser;
    this.atEnd = atEnd;
    this.turns = turns;
    // A listener of ours makes Node stop reading the socket's handle directly into its parser. The old ones are removed by name:
    // `removeAllListeners` makes a dictionary of the socket's table of listeners, 830 bytes for as long as it is open.
    removeListener(socket, 'data', toParser);
    for (const listener of atEnd) removeListener(socket, 'end', listener);
    socket.on('data', dataCame).on('end', endCame);
    socket.on('close', closed);
    socket.pause = pauseFed;
    socket.resume = resumeFed;
    // Node has put functions of 104 bytes each in their place, which notice such a listener. None is needed any more.
    const { on, addListener, prependListener } = Socket.prototype;
    Object.assign(socket, { on, addListener, prependListener });
  }

  /** Called where there are unparsed bytes. */
  takeTurn(): void {
    const { socket } = this;
    for (let slices = 0; slices < slicesATurn && this.unparsed !== undefined && !this.held; slices += 1) {
      this.feedSlice(this.unparsed);
      // The parser of a destroyed socket lives until its 'close' event.
      if (socket.destroyed) this.forget();
    }
    if (this.unparsed !== undefined) {
      if (!this.held) this.turns.join(this, false);
      return;
    }
    // Later, after the answers to what has just been fed: at 'end' Node closes its half of the connection.
    if (this.ended) this.turns.later(() => this.endParser());
    else if (!this.held) resumeSocket(socket);
  }

  stop(): void {
    this.forget();
    feeds.delete(this.socket);
    this.socket.off('data', dataCame).off('end', endCame).off('close', closed);
    Reflect.deleteProperty(this.socket, 'pause');
    Reflect.deleteProperty(this.socket, 'resume');
  }

  forget(): void {
    this.unparsed = undefined;
    this.ended = false;
    this.turns.leave(this);
  }

  data(bytes: Buffer): void {
    const fresh = this.unparsed === undefined;
    this.unparsed = this.unparsed === undefined ? bytes : Buffer.concat([this.unparsed, bytes]);
    if (fresh && !this.held && this.turns.mayFeedAtOnce()) {
      this.takeTurn();
      if (this.unparsed !== undefined) pauseSocket(this.socket);
      return;
    }
    pauseSocket(this.socket);
    if (!this.held) this.turns.join(this, fresh);
  }

  end(): void {
    this.ended = true;
    if (this.unparsed === undefined) this.endParser();
  }

  pause(): void {
    this.held = true;
    this.turns.leave(this);
    pauseSocket(this.socket);
  }

  resume(): void {
    this.held = false;
    if (this.feeding) return;
    if (this.unparsed === undefined) resumeSocket(this.socket);
    else this.turns.join(this, false);
  }

  private endParser(): void {
    if (!this.ended) return;
    for (const listener of this.atEnd) listener.call(this.socket);
  }

  private feedSlice(bytes: Buffer): void {
    const end = sliceEnd(bytes, 0);
    this.unparsed = end === bytes.length ? undefined : bytes.subarray(end);
    this.feeding = true;
    this.toParser.call(this.socket, end === bytes.length ? bytes : bytes.subarray(0, end));
    this.feeding = false;
  }
}

function dataCame(this: Socket, bytes: Buffer): void {
  feeds.get(this)?.data(bytes);
}

function endCame(this: Socket): void {
  feeds.get(this)?.end();
}

function closed(this: Socket): void {
  feeds.get(this)?.forget();
}

function pauseFed(this: Socket): Socket {
  feeds.get(this)?.pause();
  return this;
}

function resumeFed(this: Socket): Socket {
  feeds.get(this)?.resume();
  return this;
}

function pauseSocket(socket: Socket): Socket {
  return Socket.prototype.pause.call(socket);
}

function resumeSocket(socket: Socket): Socket {
  return Socket.prototype.resume.call(socket);
}
