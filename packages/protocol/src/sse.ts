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
  const maxEventBytes = options.maxEventBytes ?? 1024 * 1024;
  // A byte order mark counts only at the start of the stream, never at the start of a line.
  const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const lenient = new TextDecoder('utf-8', { ignoreBOM: true });

  let bomBytes = 0;
  let skipLf = false;
  // The line that the last push left unfinished.
  let held = new Uint8Array(0);
  let heldLength = 0;
  // The event under way. `eventBytes` counts what is kept of it: fields, not comments.
  let data: string | undefined;
  let eventName = '';
  let eventBytes = 0;
  let malformed = false;
  let lastEventId = '';
  // Inside an event that is skipped; of its lines only `lineHasBytes` is needed, to find the blank one.
  let skipping = false;
  let lineHasBytes = false;

  let badBytes = false;
  /** Sets `badBytes` where bytes were not UTF-8 and U+FFFD stands for them. */
  function decode(bytes: Uint8Array): string {
    try {
      badBytes = false;
      return strict.decode(bytes);
    } catch {
      badBytes = true;
      return lenient.decode(bytes);
    }
  }

  function resetEvent(): void {
    data = undefined;
    eventName = '';
    eventBytes = 0;
    malformed = false;
  }

  function dispatch(): void {
    if (skipping) {
      skipping = false;
    } else if (malformed) {
      onItem({ type: 'malformed', data: data ?? '' });
    } else if (data !== undefined) {
      onItem({ type: 'event', event: eventName === '' ? 'message' : eventName, data, lastEventId });
    }
    resetEvent();
  }

  function skipEvent(): void {
    skipping = true;
    lineHasBytes = true;
    heldLength = 0;
    resetEvent();
    onItem({ type: 'too-large', maxEventBytes });
  }

  function comment(line: Uint8Array): void {
    const text = decode(line.subarray(1));
    onItem(badBytes ? { type: 'malformed', data: '' } : { type: 'comment', text });
  }

  function dataLine(value: string, bytes: number): void {
    data = data === undefined ? value : `${data}\n${value}`;
    eventBytes += bytes + 1;
    if (options.endsEvent?.(data, value, eventName) === true) dispatch();
  }

  function field(line: Uint8Array): void {
    const text = decode(line);
    malformed ||= badBytes;
    const colon = text.indexOf(':');
    const name = colon < 0 ? text : text.slice(0, colon);
    const value = colon < 0 ? '' : text.slice(text.charCodeAt(colon + 1) === 0x20 ? colon + 2 : colon + 1);
    if (name === 'data') {
      dataLine(value, line.length);
      return;
    }
    // No name, id or time has a quote: this line may be made of two lines that were torn.
    const given = fields.has(name) && !value.includes('"') ? undefined : options.dataOf?.(text);
    if (given !== undefined) dataLine(given, line.length);
    else otherField(name, value, line.length);
  }

  function otherField(name: string, value: string, bytes: number): void {
    switch (name) {
      case 'event':
        eventName = value;
        eventBytes += bytes + 1;
        return;
      case 'id':
        if (!value.includes('\0')) lastEventId = value;
        return;
      case 'retry':
        if (/^[0-9]+$/.test(value)) onItem({ type: 'retry', retryMs: Number(value) });
    }
  }

  /** A line without its end. Its bytes belong to the caller and are read only here. */
  function endLine(line: Uint8Array): void {
    if (line.length === 0) dispatch();
    else if (eventBytes + line.length > maxEventBytes) skipEvent();
    else if (line[0] === 0x3a) comment(line);
    else field(line);
  }

  /** Keeps the beginning of a line; the buffer doubles, so that a byte is copied a bounded number of times. */
  function hold(bytes: Uint8Array): void {
    if (eventBytes + heldLength + bytes.length > maxEventBytes) {
      skipEvent();
      return;
    }
    const length = heldLength + bytes.length;
    if (length > held.length) {
      const grown = new Uint8Array(Math.min(maxEventBytes, Math.max(1024, held.length * 2, length)));
      grown.set(held.subarray(0, heldLength));
      held = grown;
    }
    held.set(bytes, heldLength);
    heldLength = length;
  }

  /** Reads the line that the end of the body has cut, where it is a data line; whether an event ended with it. */
  function endsInLastLine(): boolean {
    const line = held.subarray(0, heldLength);
    if (lenient.decode(line.subarray(0, 5)) === 'data:') field(line);
    else {
      const given = options.dataOf?.(decode(line));
      if (given === undefined) return false;
      dataLine(given, line.length);
    }
    return data === undefined;
  }

  function read(bytes: Uint8Array): void {
    let at = 0;
    // Each search continues behind its last hit, so both pass over the bytes once.
    let nextLf = bytes.indexOf(lf);
    let nextCr = bytes.indexOf(cr);
    while (at < bytes.length) {
      if (skipLf) {
        skipLf = false;
        if (bytes[at] === lf) {
          at += 1;
          continue;
        }
      }
      if (nextLf >= 0 && nextLf < at) nextLf = bytes.indexOf(lf, at);
      if (nextCr >= 0 && nextCr < at) nextCr = bytes.indexOf(cr, at);
      const endsWithCr = nextCr >= 0 && (nextLf < 0 || nextCr < nextLf);
      const end = endsWithCr ? nextCr : nextLf;
      if (skipping) {
        lineHasBytes ||= end !== at;
        if (end < 0) return;
        if (!lineHasBytes) dispatch();
        lineHasBytes = false;
      } else if (end < 0) {
        hold(bytes.subarray(at));
        return;
      } else if (heldLength > 0) {
        hold(bytes.subarray(at, end));
        // Also a line that `hold` has just begun to skip ends here.
        if (skipping) lineHasBytes = false;
        else {
          const line = held.subarray(0, heldLength);
          heldLength = 0;
          endLine(line);
          lineHasBytes = false;
        }
      } else {
        endLine(bytes.subarray(at, end));
        lineHasBytes = false;
      }
      skipLf = endsWithCr;
      at = end + 1;
    }
  }

  return {
    get between() {
      return (
        bomBytes < 0 &&
        heldLength === 0 &&
        data === undefined &&
        eventName === '' &&
        !malformed &&
        !skipLf &&
        !skipping
      );
    },
    push(bytes) {
      let from = 0;
      while (bomBytes >= 0 && from < bytes.length) {
        if (bytes[from] !== byteOrderMark[bomBytes]) {
          const prefix = bomBytes;
          bomBytes = -1;
          if (prefix > 0) read(Uint8Array.from(byteOrderMark.slice(0, prefix)));
          break;
        }
        from += 1;
        bomBytes = bomBytes === byteOrderMark.length - 1 ? -1 : bomBytes + 1;
      }
      if (from < bytes.length) read(from === 0 ? bytes : bytes.subarray(from));
    },
    end() {
      if (bomBytes > 0) read(Uint8Array.from(byteOrderMark.slice(0, bomBytes)));
      bomBytes = -1;
      if (heldLength > 0 ? !endsInLastLine() : data !== undefined || eventName !== '') {
        onItem({ type: 'incomplete', data: data ?? '' });
      }
      heldLength = 0;
      resetEvent();
    },
  };
}
