/**
 * Parses one HTTP/1.1 response as its bytes arrive (RFC 9112, sections 4 to 7). It is strict where two parsers could disagree
 * about the end of a response: it refuses a content-length beside a transfer-encoding, folded headers, bare line feeds and
 * malformed sizes.
 *
 *     head ──▶ chunk size ⇄ data ──▶ trailer ──▶ ended
 *      ▲ 1xx └▶ data of a known length ──────────▶ ended
 *      └──┘  └▶ data until the connection closes ▶ ended
 */
export interface ResponseParser {
  /**
   * Parses the next bytes of the connection, `bytes` up to `length` (default: all); they are not kept. Returns what is not
   * HTTP in them, or undefined. After a problem the parser must not be used any more.
   */
  push(bytes: Buffer, length?: number): string | undefined;
  /** The other side has closed the connection in order. Returns false where that cuts the response. */
  close(): boolean;
}

/** Headers by their name in lower case; a header that came more than once is a list. */
export type ResponseHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Gets the parts of a response in their order. */
export interface ResponseListener {
  /** The head of the response; names of headers are in lower case. Interim responses (1xx) are skipped. */
  head(status: number, headers: ResponseHeaders): void;
  /** A part of the body, `bytes` from `from` up to `to`, valid only during the call. */
  body(bytes: Buffer, from: number, to: number): void;
  /** The response is whole. `idleMs`: how long the connection may be kept for another request; 0: it must be closed. */
  end(idleMs: number): void;
}

const maxHeadBytes = 32 * 1024;
/** Bytes of the extensions after the size of one chunk. */
const maxExtensionBytes = 1024;
/** Interim responses (100, 102, 103) before the response. */
const maxInterimResponses = 16;
/**
 * llama.cpp and others close an idle socket after 5 s. So it is closed here a little earlier, unless the server names a
 * time.
 */
const keepAliveMs = 4_000;
const maxKeepAliveMs = 60_000;

const maxSizeDigits = 12;

const protocolName = 'HTTP/1.';
const cr = 0x0d;
const lf = 0x0a;

type State =
  | 'head'
  | 'size'
  | 'size-end'
  | 'data'
  | 'data-cr'
  | 'data-lf'
  | 'trailer'
  | 'until-close'
  | 'ended';

/** Creates a parser for one response. */
export function createResponseParser(listener: ResponseListener): ResponseParser {
  return new Parser(listener);
}

class Parser implements ResponseParser {
  private readonly listener: ResponseListener;
  private state: State = 'head';
  /** Bytes of the body, or of the chunk, that have not come yet. */
  private left = 0;
  /** Hex digits of the current chunk size so far. */
  private digits = 0;
  private chunked = false;
  /** The part of a head, of a chunk's size line or of a trailer that came in earlier reads. */
  private held = '';
  /**
   * The last characters of `held`. `held` itself is read only when it is whole: read after each small piece, it is
   * quadratic.
   */
  private heldEnd = '';
  private interimResponses = 0;
  private trailerBytes = 0;
  private idleMs = 0;

  constructor(listener: ResponseListener) {
    this.listener = listener;
  }

  push(bytes: Buffer, length = bytes.length): string | undefined {
    let at = 0;
    while (at < length) {
      switch (this.state) {
        case 'size': {
          const digit = hexDigit(bytes[at]);
          if (digit >= 0) {
            this.left = this.left * 16 + digit;
            this.digits += 1;
            if (this.digits > maxSizeDigits) return 'a chunk size of too many digits';
            at += 1;
            break;
          }
          if (this.digits === 0) return 'a chunk without a size';
          this.digits = 0;
          this.state = 'size-end';
          break;
        }
        case 'size-end': {
          // Between the size and the end of its line there may be extensions, which a recipient ignores.
          if (this.held === '' && at + 1 < length && bytes[at] === cr && bytes[at + 1] === lf) {
            at += 2;
          } else {
            const taken = this.takeText(bytes, at, length, '\r\n', maxExtensionBytes);
            if (typeof taken === 'string') return taken;
            if (!/^[ \t]*(?:;[^\r\n]*)?\r?$/.test(taken.next < 0 ? this.held : taken.text))
              return 'a malformed chunk size';
            if (taken.next < 0) return undefined;
            at = taken.next;
          }
          this.state = this.left === 0 ? 'trailer' : 'data';
          break;
        }
        case 'data':
        case 'until-close': {
          const to = this.state === 'data' ? Math.min(length, at + this.left) : length;
          this.listener.body(bytes, at, to);
          this.left -= to - at;
          at = to;
          if (this.state !== 'data' || this.left > 0) break;
          if (!this.chunked) this.end(this.idleMs);
          else if (at + 1 < length && bytes[at] === cr && bytes[at + 1] === lf) {
            at += 2;
            this.state = 'size';
          } else this.state = 'data-cr';
          break;
        }
        case 'data-cr':
        case 'data-lf': {
          if (bytes[at] !== (this.state === 'data-cr' ? cr : lf)) return 'a chunk longer than its size';
          at += 1;
          this.state = this.state === 'data-cr' ? 'data-lf' : 'size';
          break;
        }
        case 'head': {
          const begins = this.held.length < protocolName.length;
          const taken = this.takeText(bytes, at, length, '\r\n\r\n');
          if (typeof taken === 'string') return taken;
          // Bytes that do not begin with `HTTP/1.` are refused before their line is complete.
          if (taken.next < 0) return begins && !this.isNamed() ? 'no status line' : undefined;
          at = taken.next;
          const problem = this.takeHead(taken.text);
          if (problem !== undefined) return problem;
          break;
        }
        case 'trailer': {
          const taken = this.takeText(bytes, at, length, '\r\n');
          if (typeof taken === 'string') return taken;
          if (taken.next < 0) return undefined;
          at = taken.next;
          this.trailerBytes += taken.text.length + 2;
          if (this.trailerBytes > maxHeadBytes) return 'too many trailers';
          if (taken.text === '') this.end(this.idleMs);
          break;
        }
        case 'ended':
          return 'bytes after the end of the response';
      }
    }
    return undefined;
  }

  close(): boolean {
    if (this.state !== 'until-close') return this.state === 'ended';
    this.end(0);
    return true;
  }

  private end(ms: number): void {
    this.state = 'ended';
    this.listener.end(ms);
  }

  /** Returns what is wrong with the head, or undefined. */
  private takeHead(text: string): string | undefined {
    const head = parseHead(text);
    if (typeof head === 'string') return head;
    if (head.status < 200) return this.takeInterim(head.status);
    const framing = framingOf(head);
    if (typeof framing === 'string') return framing;
    this.idleMs = idleMsOf(head);
    this.chunked = framing.chunked;
    this.left = framing.length ?? 0;
    this.state = this.chunked ? 'size' : framing.length === undefined ? 'until-close' : 'data';
    this.listener.head(head.status, head.headers);
    // An empty body ends with the head.
    if (framing.length === 0) this.end(this.idleMs);
    return undefined;
  }

  private takeInterim(status: number): string | undefined {
    if (status === 101) return 'a change of protocol';
    this.interimResponses += 1;
    return this.interimResponses > maxInterimResponses ? 'too many interim responses' : undefined;
  }

  private isNamed(): boolean {
    return protocolName.startsWith(this.held.slice(0, protocolName.length));
  }

  /**
   * Takes text that ends with `terminator` and may come in several reads. It goes line by line, so that each of many short
   * texts in one read costs its own length and not that of the read. `next` is -1 while the text is not complete.
   */
  private takeText(
    buffer: Buffer,
    at: number,
    length: number,
    terminator: string,
    maxBytes = maxHeadBytes,
  ): { text: string; next: number } | string {
    // The bytes from `length` on belong to an earlier read.
    const bytes = length === buffer.length ? buffer : buffer.subarray(0, length);
    if (this.held === '') {
      // The usual case: the whole text is in this read.
      const end = bytes.indexOf(terminator, at, 'latin1');
      const next = end + terminator.length;
      if (end >= 0 && next - at <= maxBytes) return { text: bytes.toString('latin1', at, end), next };
    }
    for (let from = at; ; ) {
      const end = bytes.indexOf(lf, from) + 1;
      const to = end > 0 ? end : Math.min(length, from + maxBytes + 1);
      const line = bytes.toString('latin1', from, to);
      this.held += line;
      this.heldEnd = (this.heldEnd + line).slice(-terminator.length);
      if (this.held.length > maxBytes) return 'a line or a head that is too long';
      if (this.heldEnd === terminator) {
        const text = this.held.slice(0, -terminator.length);
        this.held = '';
        this.heldEnd = '';
        return { text, next: to };
      }
      if (end === 0 || to === length) return { text: '', next: -1 };
      from = to;
    }
  }
}

function hexDigit(byte: number | undefined): number {
  if (byte === undefined) return -1;
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

interface Head {
  readonly minor: '0' | '1';
  readonly status: number;
  readonly headers: ResponseHeaders;
}

const statusLine = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: [^\r\n]*)?$/;
const headerName = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

function parseHead(text: string): Head | string {
  const [first = '', ...lines] = text.split('\r\n');
  const [, minor, status] = statusLine.exec(first) ?? [];
  if (status === undefined) return 'no status line';
  const headers: Record<string, string | string[]> = Object.create(null);
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(0, colon)).toLowerCase();
    const value = line.slice(colon + 1).trim();
    if (!headerName.test(name) || /[\x00-\x08\x0a-\x1f\x7f]/.test(value)) return 'a malformed header';
    const known = headers[name];
    if (known === undefined) headers[name] = value;
    else if (typeof known === 'string') headers[name] = [known, value];
    else known.push(value);
  }
  return { minor: minor === '0' ? '0' : '1', status: Number(status), headers };
}

interface Framing {
  readonly chunked: boolean;
  /** Undefined for a chunked body, and for one that ends when the connection closes. */
  readonly length: number | undefined;
}

/** RFC 9112, section 6.3. */
function framingOf({ status, headers }: Head): Framing | string {
  if (status === 204 || status === 304) return { chunked: false, length: 0 };
  const { 'transfer-encoding': coding, 'content-length': length } = headers;
  if (coding !== undefined) {
    if (length !== undefined) return 'a content length beside a transfer coding';
    if (typeof coding !== 'string' || coding.toLowerCase() !== 'chunked')
      return 'a transfer coding other than chunked';
    return { chunked: true, length: undefined };
  }
  if (length === undefined) return { chunked: false, length: undefined };
  if (typeof length !== 'string' || !/^\d{1,15}$/.test(length)) return 'a malformed content length';
  return { chunked: false, length: Number(length) };
}

/** How long the connection may be idle after this response, by the response's headers. */
function idleMsOf({ minor, headers }: Head): number {
  const { connection = '', 'keep-alive': hint } = headers;
  const tokens = String(connection)
    .toLowerCase()
    .split(/[\s,]+/);
  if (tokens.includes('close') || (minor === '0' && !tokens.includes('keep-alive'))) return 0;
  const seconds = /timeout=(\d{1,6})/i.exec(String(hint))?.[1];
  // One second less than the server: a request that is sent while the server closes the connection would be lost.
  return seconds === undefined
    ? keepAliveMs
    : Math.min(maxKeepAliveMs, Math.max(0, Number(seconds) - 1) * 1_000);
}
