/**
 * One HTTP/1.1 response after another request, as bytes come (RFC 9112, sections 4 to 7). Strict where two
 * readers could disagree on where an answer ends: both lengths at once, folded headers, bare line feeds and
 * sizes that are none are refused.
 *
 *     head ──▶ chunk size ⇄ data ──▶ trailer ──▶ ended
 *      ▲ 1xx └▶ data of a known length ──────────▶ ended
 *      └──┘  └▶ data until the connection closes ▶ ended
 */
export interface ResponseParser {
  /**
   * Takes the next bytes of the connection, `bytes` up to `length`; they are not kept. Says what is not HTTP about
   * them, then is done.
   */
  push(bytes: Buffer, length?: number): string | undefined;
  /** The connection was closed by the other side, in order. False where that cuts the answer. */
  close(): boolean;
}

export type ResponseHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

export interface ResponseListener {
  /** The head of the answer; names of headers in lower case. Interim answers (1xx) are passed over. */
  head(status: number, headers: ResponseHeaders): void;
  /** A part of the body, `bytes` from `from` up to `to`, valid only during the call. */
  body(bytes: Buffer, from: number, to: number): void;
  /** The answer is whole. `idleMs`: how long the connection may wait for another request; 0: it serves no more. */
  end(idleMs: number): void;
}

const maxHeadBytes = 32 * 1024;
/** Behind the size of one chunk. */
const maxExtensionBytes = 1024;
/** 100, 102 and 103 before an answer; a server that sends more of them has none. */
const maxInterimAnswers = 16;
/** llama.cpp and others close an idle socket after 5 s: let go a little earlier, unless a server says more. */
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

export function createResponseParser(listener: ResponseListener): ResponseParser {
  return new Parser(listener);
}

class Parser implements ResponseParser {
  private readonly listener: ResponseListener;
  private state: State = 'head';
  /** Bytes of the body, or of the chunk, that are to come. */
  private left = 0;
  /** Of the chunk size under way. */
  private digits = 0;
  private chunked = false;
  /** The head, the line of a chunk's size, or the trailer, as far as it came in earlier reads. */
  private held = '';
  /** The end of it. `held` itself is looked at once it is whole: in small pieces that would be quadratic. */
  private heldEnd = '';
  private interimAnswers = 0;
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
            if (this.digits > maxSizeDigits) return 'a chunk beyond all bounds';
            at += 1;
            break;
          }
          if (this.digits === 0) return 'a chunk without a size';
          this.digits = 0;
          this.state = 'size-end';
          break;
        }
        case 'size-end': {
          // What stands between a size and its line's end are extensions, which nobody has to understand.
          if (this.held === '' && at + 1 < length && bytes[at] === cr && bytes[at + 1] === lf) {
            at += 2;
          } else {
            const taken = this.takeText(bytes, at, length, '\r\n', maxExtensionBytes);
            if (typeof taken === 'string') return taken;
            if (!/^[ \t]*(?:;[^\r\n]*)?\r?$/.test(taken.next < 0 ? this.held : taken.text))
              return 'a chunk size that is none';
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
          // What begins otherwise need not be waited for.
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
          if (this.trailerBytes > maxHeadBytes) return 'trailers without end';
          if (taken.text === '') this.end(this.idleMs);
          break;
        }
        case 'ended':
          return 'more than one answer';
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

  /** Says what is wrong with it. */
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
    // A body of no length ends with its head.
    if (framing.length === 0) this.end(this.idleMs);
    return undefined;
  }

  private takeInterim(status: number): string | undefined {
    if (status === 101) return 'a change of protocol';
    this.interimAnswers += 1;
    return this.interimAnswers > maxInterimAnswers ? 'interim answers without end' : undefined;
  }

  private isNamed(): boolean {
    return protocolName.startsWith(this.held.slice(0, protocolName.length));
  }

  /**
   * Everything but chunks: text that ends with `terminator`, which may come in several reads. Line by line, so
   * that many short texts in one read cost what they are long, not what the read is.
   */
  private takeText(
    buffer: Buffer,
    at: number,
    length: number,
    terminator: string,
    maxBytes = maxHeadBytes,
  ): { text: string; next: number } | string {
    // What lies behind `length` is an earlier read's.
    const bytes = length === buffer.length ? buffer : buffer.subarray(0, length);
    for (let from = at; ; ) {
      const end = bytes.indexOf(lf, from) + 1;
      const to = end > 0 ? end : Math.min(length, from + maxBytes + 1);
      const line = bytes.toString('latin1', from, to);
      this.held += line;
      this.heldEnd = (this.heldEnd + line).slice(-terminator.length);
      if (this.held.length > maxBytes) return 'a line or a head without end';
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
    if (!headerName.test(name) || /[\x00-\x08\x0a-\x1f\x7f]/.test(value)) return 'a header that is none';
    const known = headers[name];
    if (known === undefined) headers[name] = value;
    else if (typeof known === 'string') headers[name] = [known, value];
    else known.push(value);
  }
  return { minor: minor === '0' ? '0' : '1', status: Number(status), headers };
}

interface Framing {
  readonly chunked: boolean;
  /** Undefined: until the connection closes, unless it is chunked. */
  readonly length: number | undefined;
}

/** RFC 9112, section 6.3. */
function framingOf({ status, headers }: Head): Framing | string {
  if (status === 204 || status === 304) return { chunked: false, length: 0 };
  const { 'transfer-encoding': coding, 'content-length': length } = headers;
  if (coding !== undefined) {
    if (length !== undefined) return 'two lengths at once';
    if (typeof coding !== 'string' || coding.toLowerCase() !== 'chunked')
      return 'a transfer coding nobody asked for';
    return { chunked: true, length: undefined };
  }
  if (length === undefined) return { chunked: false, length: undefined };
  if (typeof length !== 'string' || !/^\d{1,15}$/.test(length)) return 'a content length that is none';
  return { chunked: false, length: Number(length) };
}

/** How long the connection may idle behind this answer, by what the server says of it. */
function idleMsOf({ minor, headers }: Head): number {
  const { connection = '', 'keep-alive': hint } = headers;
  const tokens = String(connection)
    .toLowerCase()
    .split(/[\s,]+/);
  if (tokens.includes('close') || (minor === '0' && !tokens.includes('keep-alive'))) return 0;
  const seconds = /timeout=(\d{1,6})/i.exec(String(hint))?.[1];
  // A second before the server does, so that both do not meet half-way.
  return seconds === undefined
    ? keepAliveMs
    : Math.min(maxKeepAliveMs, Math.max(0, Number(seconds) - 1) * 1_000);
}
