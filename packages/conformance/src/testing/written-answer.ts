/* Answers that were written by hand, as bytes on a socket: what rules are tested with. */
import type { Exchange, ExchangeEnd, WireRequest } from '../wire/exchange.ts';
import { ResponseReader } from '../wire/response-reader.ts';

export interface WrittenAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** The body; each text is one write, and with the chunked coding one chunk. U+F8FF stands for a byte that is no UTF-8. */
  readonly writes: readonly string[];
  /** The last chunk comes in a read of its own. Default: in the read of the last write. */
  readonly endApart?: boolean;
  /** Default `whole`: then the end of the body is written. */
  readonly end?: ExchangeEnd;
  /** The connection closes at the end. */
  readonly closes?: boolean;
  readonly observed?: Exchange['observed'];
}

/** The exchange that a check would have recorded. */
export function recorded(name: string, request: WireRequest, answer: WrittenAnswer): Exchange {
  const { status, headers, writes, endApart = false, end = 'whole', closes = false, observed } = answer;
  const reader = new ResponseReader({ noBody: request.method === 'HEAD' }, () => {});
  const chunked = headers['transfer-encoding'] === 'chunked';
  const length = writes.reduce((sum, text) => sum + bytesOf(text).length, 0);
  const all = chunked || closes ? headers : { ...headers, 'content-length': String(length) };
  const head = Object.entries(all).map(([field, value]) => `${field}: ${value}\r\n`);
  const reads = writes.map((text) =>
    chunked ? `${bytesOf(text).length.toString(16)}\r\n${text}\r\n` : text,
  );
  const last = chunked && end === 'whole' ? '0\r\n\r\n' : '';
  if (endApart) reads.push(last);
  else reads.push(`${reads.pop() ?? ''}${last}`);
  reader.push(Buffer.from(`HTTP/1.1 ${status} X\r\n${head.join('')}\r\n`, 'latin1'), 0);
  for (const [at, text] of reads.entries()) reader.push(bytesOf(text), at + 1);
  if (closes) reader.close(reads.length);
  const response = reader.response();
  return {
    name,
    request,
    end,
    ...(response === undefined ? {} : { response }),
    ...(observed === undefined ? {} : { observed }),
    ...(name.endsWith('/next') ? { reusedConnection: true } : {}),
  };
}

function bytesOf(text: string): Buffer {
  const [first = '', ...rest] = text.split('\u{f8ff}').map((part) => Buffer.from(part, 'utf8'));
  return Buffer.concat([Buffer.from(first), ...rest.flatMap((part) => [Buffer.from([0xff]), part])]);
}
