/*
 * A server of chat streams on a real socket, whose connections meet accidents by a plan: connection after connection, each meets the next
 * one, and when the plan is used up all is well. Like Tailrace it keeps the events of an answer and reads them again from any number on;
 * `keeps: false` makes it a server that knows nothing of that.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Accident } from './accidents.ts';

export interface Play {
  /** Data of the events, `[DONE]` included. */
  readonly events: readonly string[];
  readonly keeps: boolean;
  readonly accidents: readonly Accident[];
  /** Line ends, comments between events: forms that mean the same. */
  readonly form: { readonly lineEnd: string; readonly comments: boolean; readonly pieceBytes: number };
}

export interface AccidentServer {
  /** Address of a play, as a base URL. */
  play(play: Play): { readonly baseURL: string; readonly requests: Seen[] };
  close(): Promise<void>;
}

/** A request as it came. */
export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly idempotencyKey: string | undefined;
  readonly lastEventId: string | undefined;
}

export async function startAccidentServer(): Promise<AccidentServer> {
  const plays = new Map<string, { readonly play: Play; readonly requests: Seen[] }>();
  const server = createServer((request, response) => {
    const { url = '', method = '', headers } = request;
    const found = plays.get(/^\/(\d+)\//.exec(url)?.[1] ?? '');
    request.resume();
    if (found === undefined) {
      response.writeHead(404).end();
      return;
    }
    const { play, requests } = found;
    requests.push({
      method,
      url,
      idempotencyKey: headers['idempotency-key'] as string | undefined,
      lastEventId: headers['last-event-id'] as string | undefined,
    });
    const accident = play.accidents[requests.length - 1] ?? { type: 'none' };
    meet(play, accident, Number(headers['last-event-id'] ?? 0), request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  let last = 0;
  return {
    play(play) {
      last += 1;
      const requests: Seen[] = [];
      plays.set(String(last), { play, requests });
      return { baseURL: `http://127.0.0.1:${port}/${last}/v1`, requests };
    },
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function meet(
  play: Play,
  accident: Accident,
  after: number,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const { socket } = request;
  switch (accident.type) {
    case 'cut-before-head':
      if (accident.reset) socket.resetAndDestroy();
      else socket.destroy();
      return;
    case 'cut-in-head':
      socket.write('HTTP/1.1 200 OK\r\ncontent-type: text/event-str', () => socket.destroy());
      return;
    case 'silence-before-head':
      return;
    case 'status':
      response.writeHead(accident.status, {
        'content-type': 'application/json',
        'x-request-id': 'req_refused',
        ...accident.headers,
      });
      response.end(
        JSON.stringify({ error: { message: 'refused', type: 'x', param: null, code: accident.code } }),
      );
      return;
    case 'page':
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html>sign in</html>');
      return;
    default:
      void answer(play, accident, after, response);
  }
}

async function answer(
  play: Play,
  accident: Accident,
  after: number,
  response: ServerResponse,
): Promise<void> {
  const { keeps, form } = play;
  const from = accident.type === 'replay' ? Math.max(0, after - accident.events) : after;
  const numbers = play.events.map((_, index) => index + 1).filter((number) => number > from);
  if (numbers.length === 0) {
    response.writeHead(204).end();
    return;
  }
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'x-request-id': 'req_streamed',
    ...(keeps
      ? { 'tailrace-completion-id': 'chatcmpl-kept', 'tailrace-stream-url': '/v1/streams/kept' }
      : {}),
  });
  const frames = numbers.map((number) => frame(play, number, accident));
  if (accident.type === 'gap') frames.splice(Math.min(accident.at, frames.length - 2), 1);
  if (accident.type === 'early-done')
    frames.splice(Math.min(accident.at, frames.length - 2), frames.length, doneFrame(play));
  if (accident.type === 'error-event')
    frames.splice(Math.min(accident.at, frames.length - 2), frames.length, errorFrame(play, accident.code));
  // The connection breaks two events later: who resumed then, would have these two again.
  if (accident.type === 'unnumbered') frames.splice(Math.max(1, accident.at + 2 - from));
  let bytes = Buffer.from(frames.join(''));
  const isCut = accident.type === 'cut' || accident.type === 'silence';
  if (isCut) bytes = bytes.subarray(0, cutAt(frames, accident));
  const { length } = bytes;
  for (let at = 0; at < length; at += form.pieceBytes) {
    response.write(bytes.subarray(at, at + form.pieceBytes));
    // The pieces arrive one by one.
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (accident.type === 'silence') return;
  if (accident.type === 'unnumbered' && frames.length < numbers.length) response.socket?.destroySoon();
  else if (accident.type !== 'cut' || accident.how === 'polite') response.end();
  else if (accident.how === 'reset') response.socket?.resetAndDestroy();
  else response.socket?.destroySoon();
}

/** At which byte a connection is cut: inside an event, or behind one. */
function cutAt(frames: readonly string[], cut: { readonly event: number; readonly part: number }): number {
  const event = Math.min(cut.event, frames.length - 1);
  const before = frames.slice(0, event).join('').length;
  return before + Math.floor((frames[event]?.length ?? 0) * cut.part);
}

function frame({ events, keeps, form }: Play, number: number, accident: Accident): string {
  const data = accident.type === 'torn' && number === accident.at ? '{"choices":[{"del' : events[number - 1];
  const isNumbered = keeps && !(accident.type === 'unnumbered' && number > accident.at);
  const lines = [...(isNumbered ? [`id: ${number}`] : []), `data: ${data}`, '', ''];
  return (form.comments ? `: keepalive${form.lineEnd}` : '') + lines.join(form.lineEnd);
}

function doneFrame({ form }: Play): string {
  return `data: [DONE]${form.lineEnd}${form.lineEnd}`;
}

function errorFrame({ form }: Play, code: string): string {
  const error = {
    message: 'broken',
    type: 'upstream_error',
    param: null,
    code,
    request_id: 'req_of_the_run',
  };
  return `data: ${JSON.stringify({ error })}${form.lineEnd}${form.lineEnd}`;
}
