import { requestBytes } from '../support/raw-connection.ts';
import type { Dice } from './dice.ts';
import { mutateBytes } from './mutate-json.ts';
import { goodRequest, requestBody } from './request-bodies.ts';
import type { Sending } from './tcp-client.ts';

/** One case of the surface `client`: the bytes that one client sends, with a key or without. */
export interface ClientCase extends Sending {
  /** It is one well-formed HTTP request, so there has to be exactly one whole answer. */
  readonly answered: boolean;
  /** A HEAD may be among them. */
  readonly opaque?: boolean;
}

export function clientCase(dice: Dice, mark: string, apiKey: string): ClientCase {
  return dice.oneIn(3) ? rawCase(dice, apiKey) : bodyCase(dice, mark, apiKey);
}

/** Well-formed HTTP around any body at all, in uneven pieces. */
function bodyCase(dice: Dice, mark: string, apiKey: string): ClientCase {
  const body = requestBody(dice, mark);
  const chunkBytes = dice.pick([0, 0, 0, 1, 100, 10_000]);
  const framed = chunkBytes > 0 && body.length / chunkBytes < 300_000;
  const request = requestBytes({
    path: '/v1/chat/completions',
    headers: {
      Authorization: `Bearer ${apiKey}`,
      'Content-Type': 'application/json',
      Connection: 'close',
      ...(framed ? { 'Transfer-Encoding': 'chunked' } : {}),
    },
    body: framed ? chunked(body, chunkBytes) : body,
  });
  return {
    pieces: pieces(dice, request),
    answered: true,
    patienceMs: 30_000,
    ...(dice.oneIn(10) ? { leaveAfterBytes: dice.int(1, 2_000) } : {}),
  };
}

function chunked(body: Buffer, chunkBytes: number): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < body.length; at += chunkBytes) {
    const piece = body.subarray(at, at + chunkBytes);
    parts.push(Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n'));
  }
  return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')]);
}

const paths = [
  '/v1/chat/completions',
  '/v1/models',
  '/v1/models/fuzz%2Fopenai',
  '/v1/models/%',
  '/livez',
  '/admin/v1/streams',
  '/v1/chat/completions?api_key=x',
  '//v1/models',
  '/%76%31/models',
  'http://evil/v1/models',
  '*',
  '/',
];

/** Requests whose HTTP itself is broken, alone or behind good ones. */
function rawCase(dice: Dice, apiKey: string): ClientCase {
  const one = (): Buffer => {
    const withBody = dice.oneIn(2);
    const request = goodRequest(dice, 'nothing', 'fuzz/scripted');
    return requestBytes({
      method: dice.pick(['GET', 'POST', 'POST', 'HEAD', 'OPTIONS', 'DELETE', 'PUT', 'TRACE', 'CONNECT']),
      path: withBody ? '/v1/chat/completions' : dice.pick(paths),
      version: dice.pick(['1.1', '1.1', '1.0']),
      headers: {
        ...(dice.oneIn(4) ? {} : { Authorization: `Bearer ${apiKey}` }),
        'Content-Type': 'application/json',
        ...(dice.oneIn(10) ? { Expect: '100-continue' } : {}),
        ...(dice.oneIn(10) ? { Upgrade: 'websocket', Connection: 'upgrade' } : {}),
        ...(dice.oneIn(10) ? { 'Content-Length': String(dice.int(0, 500)) } : {}),
        ...(dice.oneIn(10) ? { 'X-Long': 'x'.repeat(dice.size(60_000)) } : {}),
        ...(dice.oneIn(10) ? { Origin: 'http://evil.example' } : {}),
      },
      ...(withBody ? { body: JSON.stringify(request) } : {}),
    });
  };
  // Now and then more than the server parses in one turn of its loop.
  const requests = Array.from({ length: dice.oneIn(20) ? 200 : dice.pick([1, 1, 2, 4]) }, one);
  const last = requests.length - 1;
  const opaque = requests.some((bytes) => bytes.includes('HEAD'));
  requests[last] = mutateBytes(dice, requests[last] ?? one(), 1 + dice.size(5));
  return {
    pieces: pieces(dice, Buffer.concat(requests)),
    answered: false,
    opaque,
    halfClose: dice.oneIn(2),
    // The server waits for a request that never ends; the client of this case gives up.
    patienceMs: 1_500,
  };
}

function pieces(dice: Dice, bytes: Buffer): readonly Buffer[] {
  const count = dice.pick([1, 1, 1, 2, 7, 50]);
  const size = Math.max(1, Math.ceil(bytes.length / count));
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
    bytes.subarray(at * size, (at + 1) * size),
  );
}
