/** HTTP/1.1 answers as bytes. Nothing here is checked: a fault may write what it needs. */

export type Headers = readonly (readonly [name: string, value: string])[];

export const eventStreamHeaders: Headers = [
  ['Content-Type', 'text/event-stream; charset=utf-8'],
  ['Cache-Control', 'no-cache'],
];

export function head(status: string, headers: Headers, version = '1.1'): string {
  return `HTTP/${version} ${status}\r\n${headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
}

/** An answer without its body, as HEAD gets it. */
export function headOf(answer: string): string {
  return answer.slice(0, answer.indexOf('\r\n\r\n') + 4);
}

/** The head of a chunked event stream. */
export function streamHead(more: Headers = []): string {
  return head('200 OK', [...eventStreamHeaders, ['Transfer-Encoding', 'chunked'], ...more]);
}

export function chunk(data: string | Buffer): Buffer {
  const bytes = typeof data === 'string' ? Buffer.from(data) : data;
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]);
}

export const lastChunk = '0\r\n\r\n';

/** A whole answer with a length. */
export function fixedAnswer(status: string, contentType: string, body: string, more: Headers = []): string {
  return (
    head(status, [
      ['Content-Type', contentType],
      ['Content-Length', String(Buffer.byteLength(body))],
      ...more,
    ]) + body
  );
}

export function jsonAnswer(status: string, body: unknown, more: Headers = []): string {
  return fixedAnswer(status, 'application/json', JSON.stringify(body), more);
}

/** An error in the form of OpenAI's API. */
export function errorAnswer(
  status: string,
  type: string,
  code: string | null,
  message: string,
  param: string | null = null,
): string {
  return jsonAnswer(status, { error: { message, type, param, code } });
}
