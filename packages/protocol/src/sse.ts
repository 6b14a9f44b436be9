/**
 * Server-sent events: the three frames that we write, and a decoder for the streams of any server (WHATWG HTML, section
 * 9.2.6, "Interpreting an event stream").
 *
 * The decoder differs from a browser's in one respect. What a browser silently drops (an event cut by the end of the body,
 * bytes that are not UTF-8, an event that is too large) is an item with a type of its own here: a dropped event is lost
 * text, and an answer with lost text must never look whole. A caller that knows what the data is may read streams with
 * mistakes in their lines too: {@link SseDecoderOptions.endsEvent}, {@link SseDecoderOptions.dataOf}.
 */

/** `data: <json>` and the blank line: the only frame of the default stream besides comments. */
export function sseData(json: string): string {
  return `data: ${json}\n\n`;
}

export const sseDone = 'data: [DONE]\n\n';
export const sseKeepalive = ': keepalive\n\n';

/** One thing found in a stream; items come in the order of the stream. */
export type SseItem =
  /** A whole event. `event` is `message` where no line named it; `lastEventId` is `''` until one was sent. */
  | { readonly type: 'event'; readonly event: string; readonly data: string; readonly lastEventId: string }
  /** A comment line: everything after its colon, a leading space included. */
  | { readonly type: 'comment'; readonly text: string }
  | { readonly type: 'retry'; readonly retryMs: number }
  /** Bytes that are not UTF-8; `data` as far as it can be read, with U+FFFD. Empty for a comment. */
  | { readonly type: 'malformed'; readonly data: string }
  /** Comes as soon as an event passes the bound; the rest of that event is skipped, and decoding continues with the next. */
  | { readonly type: 'too-large'; readonly maxEventBytes: number }
  /** The body ended inside an event; `data` as far as it came. */
  | { readonly type: 'incomplete'; readonly data: string };

export interface SseDecoderOptions {
  /** Bytes that one event, or one line, may hold; a larger one is skipped. Default 1 MiB. */
  readonly maxEventBytes?: number;
  /**
   * Called after each data line: whether the event ends here, before its blank line. `data`: all data of the event so far;
   * `line`: the data of this line. Absent: only a blank line ends an event, as the specification says.
   */
  endsEvent?(data: string, line: string, event: string): boolean;
  /**
   * Called for a line with an unknown field, and for another line than `data` whose value has a quote. Returns its data where it is
   * a data line all the same. Absent: there is no such line.
   */
  dataOf?(line: string): string | undefined;
}

export interface SseDecoder {
  /** Takes the next bytes, cut anywhere; they are not kept, the caller may reuse the buffer. */
  push(bytes: Uint8Array): void;
  /** The body has ended; an unfinished event is an `incomplete` item. Nothing may be pushed afterwards. */
  end(): void;
  /**
   * True where the next byte begins an event and nothing of the event before is held. Then the caller may read whole events
   * from the next bytes itself, and push only what follows them.
   */
  readonly between: boolean;
}

/** The fields besides `data` that a line may have. */
const fields: ReadonlySet<string> = new Set(['event', 'id', 'retry']);

const lf = 0x0a;
const cr = 0x0d;
const byteOrderMark = [0xef, 0xbb, 0xbf] as const;

/**
 * Decodes an event stream as it arrives. Time is linear in the bytes, memory is bounded by `maxEventBytes`, and the items
 * never depend on how the bytes were cut.
 */
export function createSseDecoder(options: SseDecoderOptions, onItem: (item: SseItem) => void): SseDecoder {
  return new Decoder(options, onItem);
}

// No call leaves bytes for the next one, so all decoders share these two. A byte order mark counts only at the start of the
// stream, never at the start of a line.
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const lenient = new TextDecoder('utf-8', { ignoreBOM: true });

const noBytes = new Uint8Array(0);

/** The first size of a buffer for the beginning of a line, in bytes. */
const smallBuffer = 1024;
/** Buffers of that size that no decoder needs now. An event that is cut over two reads takes one, and costs no allocation. */
const spareBuffers: Uint8Array<ArrayBuffer>[] = [];
const maxSpareBuffers = 64;

/** One object, because a decoder lives as long as its stream: as a function with functions in it, it takes 1.7 kB more. */
class Decoder implements SseDecoder {
  private readonly options: SseDecoderOptions;
  private readonly onItem: (item: SseItem) => void;
  private readonly maxEventBytes: number;
  /** How many bytes of a byte order mark have come; -1 once the stream has begun. */
  private bomBytes = 0;
  private skipLf = false;
  /** Has the line that the last push left unfinished; a stream at rest between two lines has no buffer. */
  private held = noBytes;
  private heldLength = 0;
  /** The data of the event under way. */
  private data: string | undefined;
  private eventName = '';
  /** Counts what is kept of the event: fields, not comments. */
  private eventBytes = 0;
  private malformed = false;
  private lastEventId = '';
  /** Inside an event that is skipped; of its lines only `lineHasBytes` is needed, to find the blank one. */
  private skipping = false;
  private lineHasBytes = false;
  /** The last call of `decode` had bytes that are not UTF-8. */
  private badBytes = false;

  constructor(options: SseDecoderOptions, onItem: (item: SseItem) => void) {
    this.options = options;
    this.onItem = onItem;
    this.maxEventBytes = options.maxEventBytes ?? 1024 * 1024;
  }

  get between(): boolean {
    return (
      this.bomBytes < 0 &&
      this.heldLength === 0 &&
      this.data === undefined &&
      this.eventName === '' &&
      !this.malformed &&
      !this.skipLf &&
      !this.skipping
    );
  }

  push(bytes: Uint8Array): void {
    let from = 0;
    while (this.bomBytes >= 0 && from < bytes.length) {
      if (bytes[from] !== byteOrderMark[this.bomBytes]) {
        const prefix = this.bomBytes;
        this.bomBytes = -1;
        if (prefix > 0) this.read(Uint8Array.from(byteOrderMark.slice(0, prefix)));
        break;
      }
      from += 1;
      this.bomBytes = this.bomBytes === byteOrderMark.length - 1 ? -1 : this.bomBytes + 1;
    }
    if (from < bytes.length) this.read(from === 0 ? bytes : bytes.subarray(from));
    if (this.heldLength === 0) this.freeBuffer();
  }

  end(): void {
    if (this.bomBytes > 0) this.read(Uint8Array.from(byteOrderMark.slice(0, this.bomBytes)));
    this.bomBytes = -1;
    if (this.heldLength > 0 ? !this.endsInLastLine() : this.data !== undefined || this.eventName !== '') {
      this.onItem({ type: 'incomplete', data: this.data ?? '' });
    }
    this.heldLength = 0;
    this.freeBuffer();
    this.resetEvent();
  }

  /** Sets `badBytes` where bytes were not UTF-8 and U+FFFD stands for them. */
  private decode(bytes: Uint8Array): string {
    try {
      this.badBytes = false;
      return strict.decode(bytes);
    } catch {
      this.badBytes = true;
      return lenient.decode(bytes);
    }
  }

  private resetEvent(): void {
    this.data = undefined;
    this.eventName = '';
    this.eventBytes = 0;
    this.malformed = false;
  }

  private dispatch(): void {
    const { data, eventName, lastEventId } = this;
    if (this.skipping) {
      this.skipping = false;
    } else if (this.malformed) {
      this.onItem({ type: 'malformed', data: data ?? '' });
    } else if (data !== undefined) {
      this.onItem({ type: 'event', event: eventName === '' ? 'message' : eventName, data, lastEventId });
    }
    this.resetEvent();
  }

  private skipEvent(): void {
    this.skipping = true;
    this.lineHasBytes = true;
    this.heldLength = 0;
    this.resetEvent();
    this.onItem({ type: 'too-large', maxEventBytes: this.maxEventBytes });
  }

  private comment(line: Uint8Array): void {
    const text = this.decode(line.subarray(1));
    this.onItem(this.badBytes ? { type: 'malformed', data: '' } : { type: 'comment', text });
  }

  private dataLine(value: string, bytes: number): void {
    const data = this.data === undefined ? value : `${this.data}\n${value}`;
    this.data = data;
    this.eventBytes += bytes + 1;
    if (this.options.endsEvent?.(data, value, this.eventName) === true) this.dispatch();
  }

  private field(line: Uint8Array): void {
    const text = this.decode(line);
    this.malformed ||= this.badBytes;
    const colon = text.indexOf(':');
    const name = colon < 0 ? text : text.slice(0, colon);
    const value = colon < 0 ? '' : text.slice(text.charCodeAt(colon + 1) === 0x20 ? colon + 2 : colon + 1);
    if (name === 'data') {
      this.dataLine(value, line.length);
      return;
    }
    // No name, id or time has a quote: this line may be made of two lines that were torn.
    const given = fields.has(name) && !value.includes('"') ? undefined : this.options.dataOf?.(text);
    if (given !== undefined) this.dataLine(given, line.length);
    else this.otherField(name, value, line.length);
  }

  private otherField(name: string, value: string, bytes: number): void {
    switch (name) {
      case 'event':
        this.eventName = value;
        this.eventBytes += bytes + 1;
        return;
      case 'id':
        if (!value.includes('\0')) this.lastEventId = value;
        return;
      case 'retry':
        if (/^[0-9]+$/.test(value)) this.onItem({ type: 'retry', retryMs: Number(value) });
    }
  }

  /** A line without its end. Its bytes belong to the caller and are read only here. */
  private endLine(line: Uint8Array): void {
    if (line.length === 0) this.dispatch();
    else if (this.eventBytes + line.length > this.maxEventBytes) this.skipEvent();
    else if (line[0] === 0x3a) this.comment(line);
    else this.field(line);
  }

  /** Keeps the beginning of a line; the buffer doubles, so that a byte is copied a bounded number of times. */
  private hold(bytes: Uint8Array): void {
    const { maxEventBytes, held, heldLength } = this;
    const length = heldLength + bytes.length;
    if (this.eventBytes + length > maxEventBytes) {
      this.skipEvent();
      return;
    }
    if (length > held.length) {
      const size = Math.min(maxEventBytes, Math.max(smallBuffer, held.length * 2, length));
      this.held = (size === smallBuffer ? spareBuffers.pop() : undefined) ?? new Uint8Array(size);
      this.held.set(held.subarray(0, heldLength));
    }
    this.held.set(bytes, heldLength);
    this.heldLength = length;
  }

  /** Gives the buffer back, whose bytes were read. */
  private freeBuffer(): void {
    const { held } = this;
    if (held === noBytes) return;
    this.held = noBytes;
    if (held.length === smallBuffer && spareBuffers.length < maxSpareBuffers) spareBuffers.push(held);
  }

  /** Reads the line that the end of the body has cut, where it is a data line; whether an event ended with it. */
  private endsInLastLine(): boolean {
    const line = this.held.subarray(0, this.heldLength);
    if (lenient.decode(line.subarray(0, 5)) === 'data:') this.field(line);
    else {
      const given = this.options.dataOf?.(this.decode(line));
      if (given === undefined) return false;
      this.dataLine(given, line.length);
    }
    return this.data === undefined;
  }

  private read(bytes: Uint8Array): void {
    let at = 0;
    // Each search continues behind its last hit, so both pass over the bytes once.
    let nextLf = bytes.indexOf(lf);
    let nextCr = bytes.indexOf(cr);
    while (at < bytes.length) {
      if (this.skipLf) {
        this.skipLf = false;
        if (bytes[at] === lf) {
          at += 1;
          continue;
        }
      }
      if (nextLf >= 0 && nextLf < at) nextLf = bytes.indexOf(lf, at);
      if (nextCr >= 0 && nextCr < at) nextCr = bytes.indexOf(cr, at);
      const endsWithCr = nextCr >= 0 && (nextLf < 0 || nextCr < nextLf);
      const end = endsWithCr ? nextCr : nextLf;
      if (this.skipping) {
        this.lineHasBytes ||= end !== at;
        if (end < 0) return;
        if (!this.lineHasBytes) this.dispatch();
        this.lineHasBytes = false;
      } else if (end < 0) {
        this.hold(bytes.subarray(at));
        return;
      } else if (this.heldLength > 0) {
        this.hold(bytes.subarray(at, end));
        // Also a line that `hold` has just begun to skip ends here.
        if (this.skipping) this.lineHasBytes = false;
        else {
          const line = this.held.subarray(0, this.heldLength);
          this.heldLength = 0;
          this.endLine(line);
          this.lineHasBytes = false;
        }
      } else {
        this.endLine(bytes.subarray(at, end));
        this.lineHasBytes = false;
      }
      this.skipLf = endsWithCr;
      at = end + 1;
    }
  }
}
