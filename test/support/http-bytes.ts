/**
 * Reads HTTP/1.x responses from the bytes of a connection, strictly: the wire tests are about these bytes. Node's own client would hide chunk borders, the spelling of headers and a missing end.
 */
export interface RawResponse {
  readonly version: '1.0' | '1.1';
  readonly status: number;
  /** In the order and spelling of the wire. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** The value of a header, in any case of its name; undefined where it is absent. */
  header(name: string): string | undefined;
  readonly body: Buffer;
  /** The data of each chunk; empty where the body is not chunked. */
  readonly chunks: readonly Buffer[];
  /** True once the body's end was seen: last chunk, content-length, or the end of the connection. */
  readonly complete: boolean;
}

export interface ParseOptions {
  /** Whether the peer has closed: a body without a length ends there. */
  readonly closed: boolean;
  /** Whether the n-th request was a HEAD: its answer has no body, whatever its headers announce. */
  readonly head?: (index: number) => boolean;
}

const blankLine = Buffer.from('\r\n\r\n');

/** All responses begun in `bytes`, interim ones (1xx) included; the last one may be incomplete. */
export function parseResponses(bytes: Buffer, options: ParseOptions): RawResponse[] {
  const responses: RawResponse[] = [];
  let at = 0;
  let answered = 0;
  while (at < bytes.length) {
    const headEnd = bytes.indexOf(blankLine, at);
    if (headEnd === -1) break;
    const head = parseHead(bytes.toString('latin1', at, headEnd));
    const bodyStart = headEnd + blankLine.length;
    const body = readBody(bytes, bodyStart, head, options, options.head?.(answered) === true);
    responses.push({ ...head, body: body.data, chunks: body.chunks, complete: body.complete });
    if (!isInterim(head.status)) answered += 1;
    if (!body.complete) break;
    at = body.end;
  }
  return responses;
}

export function isInterim(status: number): boolean {
  return status >= 100 && status < 200;
}

type Head = Pick<RawResponse, 'version' | 'status' | 'headers' | 'header'>;

function parseHead(text: string): Head {
  const [statusLine = '', ...lines] = text.split('\r\n');
  const match = /^HTTP\/(1\.[01]) (\d{3})(?: |$)/.exec(statusLine);
  if (match === null) throw new Error(`not a status line: ${JSON.stringify(statusLine)}`);
  const headers = lines.map((line) => {
    const colon = line.indexOf(':');
    if (colon <= 0) throw new Error(`not a header: ${JSON.stringify(line)}`);
    return [line.slice(0, colon), line.slice(colon + 1).trim()] as const;
  });
  return {
    version: match[1] === '1.0' ? '1.0' : '1.1',
    status: Number(match[2]),
    headers,
    header: (name) => headers.find(([given]) => given.toLowerCase() === name.toLowerCase())?.[1],
  };
}

interface Body {
  readonly data: Buffer;
  readonly chunks: readonly Buffer[];
  readonly complete: boolean;
  readonly end: number;
}

function readBody(bytes: Buffer, start: number, head: Head, options: ParseOptions, isHead: boolean): Body {
  const none = { data: Buffer.alloc(0), chunks: [], complete: true, end: start };
  if (isHead || isInterim(head.status) || head.status === 204 || head.status === 304) return none;
  if (head.header('transfer-encoding') === 'chunked') return readChunks(bytes, start);
  const declared = head.header('content-length');
  if (declared !== undefined) {
    const end = start + Number(declared);
    return { data: bytes.subarray(start, end), chunks: [], complete: bytes.length >= end, end };
  }
  return { data: bytes.subarray(start), chunks: [], complete: options.closed, end: bytes.length };
}

function readChunks(bytes: Buffer, start: number): Body {
  const chunks: Buffer[] = [];
  const unfinished = (): Body => ({
    data: Buffer.concat(chunks),
    chunks,
    complete: false,
    end: bytes.length,
  });
  let at = start;
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd === -1) return unfinished();
    const line = bytes.toString('latin1', at, lineEnd);
    if (!/^[0-9a-fA-F]+$/.test(line)) throw new Error(`not a chunk size: ${JSON.stringify(line)}`);
    const size = Number.parseInt(line, 16);
    const dataEnd = lineEnd + 2 + size;
    if (bytes.length < dataEnd + 2) return unfinished();
    if (bytes.toString('latin1', dataEnd, dataEnd + 2) !== '\r\n') throw new Error('a chunk without its end');
    if (size === 0) return { data: Buffer.concat(chunks), chunks, complete: true, end: dataEnd + 2 };
    chunks.push(bytes.subarray(lineEnd + 2, dataEnd));
    at = dataEnd + 2;
  }
}
