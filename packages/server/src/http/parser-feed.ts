/**
 * Node gives its HTTP parser each read of a socket whole: 64 KiB, in which 2,100 requests or 11,000 chunks of a byte may
 * stand, and all of them are handled before anything else has its turn (0.35 s for one connection, 9 s for a hundred
 * of them). The feed stands between the socket and the parser, cuts what has come into slices, and gives the parser
 * so many of them in a turn of the event loop as fit into a share of time:
 *
 *     socket ──'data'──▶ rest ──slices──▶ Node's own 'data' listener ──▶ parser ──▶ 'request', pieces of bodies
 *        ▲                │
 *        └─ paused while ─┘   another connection has its turn between two slices; one that has just sent something
 *           there is a rest   comes before those that still have a rest
 *
 * A slice ends where a head ends, and behind 128 line feeds: a request cannot be without the one, nor a chunk, a header
 * or a trailer without the other, so a slice holds two requests and 64 chunks at most. A usual request is
 * fed in the same call that read it, in two slices: its head, and its body.
 *
 * It costs a usual request 9 µs of 130 (Node reads into buffers of its own that the parser does not), and a body of 5 MB
 * 8 ms of 42; crumbs cost no less than before, 3 µs each, and only their own connection waits for them.
 *
 * What pauses the socket (Node behind answers that are not taken, a full body, a refusal) pauses the feed as well,
 * between two slices; without the feed it would pause only behind the read.
 */
import { Socket } from 'node:net';

/** One for all connections of a server. */
export interface ParserFeed {
  /** Takes the socket's bytes from Node's listener, and feeds it. Called on 'connection', behind Node. */
  take(socket: Socket): void;
}

export interface ParserFeedParts {
  /** Monotonic milliseconds. */
  now(): number;
  /** Calls back in a later turn of the event loop. */
  later(callback: () => void): void;
}

/** What the parser and the handlers it calls may take of a turn, in milliseconds; the promises that they settle run behind it. */
const shareMs = 5;
const linesASlice = 128;
/** A request has more bytes; in a body of blank lines a slice is no crumb ({@link receiveBody}). */
const leastSliceBytes = 16;
/** The head and the body of a usual request. */
const slicesATurn = 2;

type Listener = ReturnType<Socket['listeners']>[number];

const lineFeed = 10;
const carriageReturn = 13;

/** Where the slice ends that begins there. */
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
      // Another Node may listen in another way: then it feeds its parser itself.
      if (toParser === undefined || others.length > 0) return;
      feeds.set(socket, new Feed(socket, toParser, atEnd, turns));
    },
  };
}

/** Whose turn it is, of all connections with a rest. */
class FeedTurns {
  /** Connections that had no rest before their last read. */
  private readonly fresh = new Set<Feed>();
  private readonly others = new Set<Feed>();
  private readonly parts: ParserFeedParts;
  /** Since when this turn of the loop feeds; undefined where it has fed nothing yet. */
  private startedMs: number | undefined;
  private planned = false;

  constructor(parts: ParserFeedParts) {
    this.parts = parts;
  }

  /** Whether a connection that has just sent something may be fed at once. */
  atOnce(): boolean {
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
    // A set is walked in the order of its entries, with those that are added on the way.
    for (const line of [this.fresh, this.others]) {
      for (const feed of line) {
        line.delete(feed);
        feed.takeTurn();
        if (!this.hasTime(startedMs)) {
          if (this.fresh.size + this.others.size > 0) this.plan();
          return;
        }
      }
    }
  };
}

/** One connection's. */
class Feed {
  private readonly socket: Socket;
  private readonly toParser: Listener;
  private readonly atEnd: readonly Listener[];
  private readonly turns: FeedTurns;
  /** What has come and is not parsed; while there is one the socket is paused. */
  private rest: Buffer | undefined;
  private feeding = false;
  /** What reads the requests has paused the socket. */
  private held = false;
  private ended = false;

  constructor(socket: Socket, toParser: Listener, atEnd: readonly Listener[], turns: FeedTurns) {
    this.socket = socket;
    this.toParser = toParser;
    this.atEnd = atEnd;
    this.turns = turns;
    // A listener of ours makes Node let go of the socket's handle, which its parser would read by itself.
    socket.removeAllListeners('data').on('data', this.took);
    socket.removeAllListeners('end').on('end', this.cameToEnd);
    socket.once('close', this.forget);
    socket.pause = this.pause;
    socket.resume = this.resume;
  }

  /** Called with a rest. */
  takeTurn(): void {
    const { socket } = this;
    for (let slices = 0; slices < slicesATurn && this.rest !== undefined && !this.held; slices += 1) {
      this.feedSlice(this.rest);
      // Its parser lives until 'close' is heard.
      if (socket.destroyed) this.forget();
    }
    if (this.rest !== undefined) {
      if (!this.held) this.turns.join(this, false);
      return;
    }
    // Later, behind the answers to what has just been fed: Node closes its half when it hears of the end.
    if (this.ended) this.turns.later(this.endParser);
    else if (!this.held) readOn(socket);
  }

  stop(): void {
    this.forget();
    this.socket.off('data', this.took).off('end', this.cameToEnd).off('close', this.forget);
    Reflect.deleteProperty(this.socket, 'pause');
    Reflect.deleteProperty(this.socket, 'resume');
  }

  private readonly forget = (): void => {
    this.rest = undefined;
    this.ended = false;
    this.turns.leave(this);
    feeds.delete(this.socket);
  };

  private readonly took = (bytes: Buffer): void => {
    const fresh = this.rest === undefined;
    this.rest = this.rest === undefined ? bytes : Buffer.concat([this.rest, bytes]);
    if (fresh && !this.held && this.turns.atOnce()) {
      this.takeTurn();
      if (this.rest !== undefined) holdBack(this.socket);
      return;
    }
    holdBack(this.socket);
    if (!this.held) this.turns.join(this, fresh);
  };

  private readonly cameToEnd = (): void => {
    this.ended = true;
    if (this.rest === undefined) this.endParser();
  };

  private readonly endParser = (): void => {
    if (!this.ended) return;
    for (const listener of this.atEnd) listener.call(this.socket);
  };

  private feedSlice(rest: Buffer): void {
    const end = sliceEnd(rest, 0);
    this.rest = end === rest.length ? undefined : rest.subarray(end);
    this.feeding = true;
    this.toParser.call(this.socket, end === rest.length ? rest : rest.subarray(0, end));
    this.feeding = false;
  }

  private readonly pause = (): Socket => {
    this.held = true;
    this.turns.leave(this);
    return holdBack(this.socket);
  };

  private readonly resume = (): Socket => {
    this.held = false;
    if (this.feeding) return this.socket;
    if (this.rest === undefined) return readOn(this.socket);
    this.turns.join(this, false);
    return this.socket;
  };
}

function holdBack(socket: Socket): Socket {
  return Socket.prototype.pause.call(socket);
}

function readOn(socket: Socket): Socket {
  return Socket.prototype.resume.call(socket);
}
