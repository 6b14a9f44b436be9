import { digits, recordBytes, timeAt } from '../record.ts';

/** Where a checker reports what it has read; called while `push` runs. */
export interface StreamListener {
  /** A record was complete; `writtenUs` are the nine digits of its time. */
  record(writtenUs: number): void;
  /** The answer is whole. `reusable`: its connection can carry the next request. */
  whole(reusable: boolean): void;
  /** The answer is not what the upstream sent; nothing else is reported for it. */
  broken(reason: string): void;
}

// What is read at the moment: HTTP outside, lines of SSE inside.
const inHead = 0;
const inChunkSize = 1;
const inChunk = 2;
const inChunkEnd = 3;
const inTrailers = 4;
/** Until Content-Length or, where that is absent, until the connection closes. */
const inBody = 5;
const ended = 6;

const atLineStart = 0;
const inOtherLine = 1;
const atPayload = 2;
const inPayload = 3;
const afterKey = 4;
const inText = 5;
const inDone = 6;

const field = Buffer.from('data:');
const key = Buffer.from('"content"');
const done = Buffer.from('[DONE]');
const maxHeadBytes = 16_384;

/**
 * Reads one HTTP/1.1 answer as its bytes come and compares each byte of its text with the one that the upstream must have
 * sent: the stream's tag, the number of the record, digits. So what it holds does not grow with the answer, and a
 * gateway may frame, split, join and rewrite events as it likes. `"content"` is found as a key, not by a JSON parser: the
 * bench's texts have no quotes and no escapes.
 */
export class StreamChecker {
  private readonly expected = Buffer.alloc(timeAt);
  private listener: StreamListener | undefined;
  private tag = 0;
  private records = 0;
  private read = 0;
  private http: number = ended;
  private head = '';
  private left = 0;
  private sizeDigits = 0;
  private trailerBytes = 0;
  private willClose = false;
  private line: number = atLineStart;
  private matched = 0;
  private position = 0;
  private writtenUs = 0;
  private sawDone = false;

  /** Makes the checker ready for the answer to a request with this tag and so many records. */
  begin(tag: number, records: number, listener: StreamListener): void {
    this.listener = listener;
    this.tag = tag;
    this.records = records;
    this.read = 0;
    this.http = inHead;
    this.head = '';
    this.line = atLineStart;
    this.matched = 0;
    this.position = 0;
    this.sawDone = false;
    this.expect(0);
  }

  /** Takes the first `length` bytes of the buffer, which the caller may overwrite afterwards. */
  push(bytes: Buffer, length: number): void {
    let at = 0;
    let reason: string | undefined;
    while (at < length && reason === undefined && this.http !== ended) {
      if (this.http === inChunk || this.http === inBody) {
        const end = Math.min(length, at + this.left);
        if (!this.body(bytes, at, end)) reason = 'a text that the upstream has not sent';
        this.left -= end - at;
        at = end;
        if (this.left === 0) this.http = this.http === inBody ? ended : inChunkEnd;
      } else {
        reason = this.outside(bytes[at] ?? 0);
        at += 1;
      }
    }
    if (at < length && reason === undefined) reason = 'bytes after the end of the answer';
    if (reason !== undefined) this.fail(reason, bytes.toString('latin1', Math.max(0, at - 400), length));
    else if (this.http === ended) this.bodyEnded();
  }

  /** The connection has closed. */
  closed(): void {
    if (this.http === inBody && this.left === Number.POSITIVE_INFINITY) this.bodyEnded();
    else if (this.http !== ended) this.fail('the connection closed before the end of the answer', '');
  }

  /** One byte of HTTP outside the body. Returns what is wrong with it. */
  private outside(byte: number): string | undefined {
    if (byte === 0x0d && this.http !== inHead) return undefined;
    switch (this.http) {
      case inHead:
        this.head += String.fromCharCode(byte);
        if (byte === 0x0a && this.head.endsWith('\r\n\r\n')) return this.headEnded();
        return this.head.length > maxHeadBytes ? 'a head without an end' : undefined;
      case inChunkSize:
        return this.chunkSize(byte);
      case inChunkEnd:
        if (byte !== 0x0a) return 'a chunk longer than its size';
        this.beginChunk();
        return undefined;
      default:
        if (byte === 0x0a && this.trailerBytes === 0) this.http = ended;
        this.trailerBytes = byte === 0x0a ? 0 : this.trailerBytes + 1;
        return undefined;
    }
  }

  private chunkSize(byte: number): string | undefined {
    if (byte === 0x0a) {
      if (this.sizeDigits === 0) return 'a chunk without a size';
      this.http = this.left === 0 ? inTrailers : inChunk;
      this.trailerBytes = 0;
      return undefined;
    }
    const digit = hexDigit(byte);
    if (digit < 0 || this.sizeDigits === 8) return 'a chunk size that is none';
    this.left = this.left * 16 + digit;
    this.sizeDigits += 1;
    return undefined;
  }

  private headEnded(): string | undefined {
    const { head } = this;
    this.head = '';
    if (!/^HTTP\/1\.[01] 200 /.test(head)) return `refused: ${head.slice(0, head.indexOf('\r\n'))}`;
    this.willClose = /^connection:[^\r]*close/im.test(head) || head.startsWith('HTTP/1.0');
    if (/^transfer-encoding:[^\r]*chunked/im.test(head)) {
      this.beginChunk();
      return undefined;
    }
    const size = /^content-length:\s*(\d+)/im.exec(head)?.[1];
    this.left = size === undefined ? Number.POSITIVE_INFINITY : Number(size);
    this.willClose ||= size === undefined;
    this.http = this.left === 0 ? ended : inBody;
    return undefined;
  }

  private beginChunk(): void {
    this.http = inChunkSize;
    this.left = 0;
    this.sizeDigits = 0;
  }

  /** Lines of SSE. False where the text is not the upstream's. */
  private body(bytes: Buffer, from: number, to: number): boolean {
    let { line, matched } = this;
    let at = from;
    while (at < to) {
      if (line === inPayload && matched === 0) at = nextQuoteOrLine(bytes, at, to);
      if (at === to) break;
      const byte = bytes[at] ?? 0;
      at += 1;
      if (line === inPayload) {
        // The key begins with a quote and has only one more, at its end: after a mismatch, a quote is its first byte.
        if (byte === key[matched]) {
          matched += 1;
          if (matched === key.length) line = afterKey;
        } else if (byte === 0x0a) {
          line = atLineStart;
          matched = 0;
        } else {
          matched = byte === 0x22 ? 1 : 0;
        }
      } else if (line === inText) {
        if (byte === 0x22) {
          line = inPayload;
          matched = 0;
        } else if (!this.text(byte)) {
          return false;
        }
      } else if (line === atLineStart) {
        if (byte === field[matched]) {
          matched += 1;
          if (matched === field.length) line = atPayload;
        } else {
          line = byte === 0x0a ? atLineStart : inOtherLine;
          matched = 0;
        }
      } else if (line === atPayload) {
        matched = byte === 0x5b ? 1 : 0;
        if (byte !== 0x20) line = byte === 0x5b ? inDone : inPayload;
      } else if (line === afterKey) {
        if (byte === 0x22) line = inText;
        else if (byte !== 0x3a && byte !== 0x20) {
          line = inPayload;
          matched = 0;
        }
      } else if (line === inDone) {
        if (byte === done[matched]) matched += 1;
        else if (byte === 0x0a) {
          this.sawDone = matched === done.length;
          line = atLineStart;
          matched = 0;
        }
      } else if (byte === 0x0a) {
        line = atLineStart;
        matched = 0;
      }
    }
    this.line = line;
    this.matched = matched;
    return true;
  }

  private text(byte: number): boolean {
    const { position } = this;
    this.position = position + 1;
    if (position < timeAt) return this.read < this.records && byte === this.expected[position];
    if (byte < 0x30 || byte > 0x39) return false;
    this.writtenUs = this.writtenUs * 10 + byte - 0x30;
    if (this.position === recordBytes) {
      this.listener?.record(this.writtenUs);
      this.read += 1;
      this.expect(this.read);
    }
    return true;
  }

  /** Sets the bytes of the next record up to its time. */
  private expect(index: number): void {
    this.position = 0;
    this.writtenUs = 0;
    if (index === 0) {
      this.expected.write(` ${digits(this.tag, 4)}.0000:`, 'latin1');
      return;
    }
    for (let at = timeAt - 2, rest = index; at > timeAt - 6; at -= 1, rest = Math.floor(rest / 10)) {
      this.expected[at] = 0x30 + (rest % 10);
    }
  }

  private bodyEnded(): void {
    const { listener } = this;
    this.http = ended;
    if (this.read < this.records || this.position > 0) this.fail('an answer that ends before its text', '');
    else if (!this.sawDone) this.fail('an answer without [DONE]', '');
    else {
      this.listener = undefined;
      listener?.whole(!this.willClose);
    }
  }

  private fail(reason: string, came: string): void {
    const { listener } = this;
    this.http = ended;
    this.listener = undefined;
    const last = came === '' ? '' : `; what came last: ${JSON.stringify(came.slice(0, 800))}`;
    listener?.broken(
      `stream ${digits(this.tag, 4)}: ${reason}, after ${this.read} of ${this.records} records${last}`,
    );
  }
}

/** Most bytes of a payload are skipped here, in the tightest loop. */
function nextQuoteOrLine(bytes: Buffer, from: number, to: number): number {
  let at = from;
  for (; at < to; at += 1) {
    const byte = bytes[at];
    if (byte === 0x22 || byte === 0x0a) break;
  }
  return at;
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
