import { createServer, type Socket } from 'node:net';
import { monotonicUs, orderIn, recordText, type StreamOrder } from '../record.ts';
import { dialects, type Kind } from './dialects.ts';

/**
 * An upstream made for speed: the prompt says how many records a stream has and how far apart (`record.ts`). Each stream
 * has a phase of its own, because its first record leaves as its request comes, with the head.
 *
 *     node upstream/main.ts PORT [openai | anthropic | gemini]
 *
 * prints its port. It reads no more of HTTP than gateways send.
 */
const [port = '0', kind = 'openai'] = process.argv.slice(2);
const dialect = dialects[kind as Kind];
const head =
  'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n' +
  'cache-control: no-cache\r\n\r\n';
/** For what a gateway asks of an upstream besides completions, such as its models. */
const otherAnswer =
  'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 27\r\n\r\n{"object":"list","data":[]}';

interface OpenStream {
  readonly socket: Socket;
  readonly tag: number;
  readonly order: StreamOrder;
  sent: number;
  dueMs: number;
}

/** Streams by the millisecond in which their next record is due, modulo the length: one timer for all of them. */
const wheel: OpenStream[][] = Array.from({ length: 1_024 }, () => []);
let firedMs = Math.floor(monotonicUs() / 1e3);

function fire(): void {
  const nowMs = Math.floor(monotonicUs() / 1e3);
  while (firedMs < nowMs) {
    firedMs += 1;
    const slot = wheel[firedMs % wheel.length] ?? [];
    for (const stream of slot.splice(0)) {
      if (stream.dueMs <= firedMs) send(stream);
      else if (!stream.socket.destroyed) slot.push(stream);
    }
  }
}

function send(stream: OpenStream): void {
  const { socket, order } = stream;
  if (socket.destroyed) return;
  if (stream.sent === order.records) {
    socket.write(dialect.end(order.records), 'latin1');
    return;
  }
  writeDigits(stream.tag, 4, tagAt);
  writeDigits(stream.sent, 4, indexAt);
  writeDigits(Math.floor(monotonicUs()) % 1e9, 9, timeAt);
  stream.sent += 1;
  socket.write(word);
  // The socket did not take it at once and holds the buffer.
  if (socket.writableLength > 0) word = Buffer.from(word);
  schedule(stream);
}

/** The chunk of one record, in which only digits change: no string is made for an event. */
let word = Buffer.from(dialect.before + recordText(0, 0, 0) + dialect.after, 'latin1');
const tagAt = dialect.before.length + 1;
const indexAt = tagAt + 5;
const timeAt = indexAt + 5;

function writeDigits(value: number, length: number, from: number): void {
  let rest = value;
  for (let at = from + length - 1; at >= from; at -= 1) {
    const tenth = Math.trunc(rest / 10);
    word[at] = 0x30 + rest - 10 * tenth;
    rest = tenth;
  }
}

function nextRecord(stream: OpenStream): string {
  const text = recordText(stream.tag, stream.sent, monotonicUs());
  stream.sent += 1;
  return dialect.before + text + dialect.after;
}

/** Streams keep their own pace: a record that was late does not move those after it. */
function schedule(stream: OpenStream): void {
  stream.dueMs += stream.order.intervalUs / 1e3;
  wheel[Math.max(Math.ceil(stream.dueMs), firedMs + 1) % wheel.length]?.push(stream);
}

function begin(socket: Socket, body: string): void {
  const asked = orderIn(body);
  if (asked === undefined) {
    socket.write(otherAnswer);
    return;
  }
  const { tag, order } = asked;
  const stream: OpenStream = { socket, tag, order, sent: 0, dueMs: monotonicUs() / 1e3 };
  let text = head + dialect.begin;
  if (order.intervalUs === 0) {
    while (stream.sent < order.records) text += nextRecord(stream);
    socket.write(text + dialect.end(order.records), 'latin1');
    return;
  }
  if (order.together) {
    const intervalMs = order.intervalUs / 1e3;
    stream.dueMs = Math.floor(stream.dueMs / intervalMs) * intervalMs;
  } else {
    text += nextRecord(stream);
  }
  socket.write(text, 'latin1');
  schedule(stream);
}

const server = createServer({ noDelay: true }, (socket) => {
  let request = '';
  socket.on('data', (bytes) => {
    request += bytes.toString('latin1');
    const headEnd = request.indexOf('\r\n\r\n');
    if (headEnd < 0) return;
    const requestHead = request.slice(0, headEnd);
    const length = /\r\ncontent-length: *(\d+)/i.exec(requestHead)?.[1];
    const whole =
      length === undefined && /\r\ntransfer-encoding: *chunked/i.test(requestHead)
        ? request.endsWith('\r\n0\r\n\r\n')
        : request.length >= headEnd + 4 + Number(length ?? 0);
    if (!whole) return;
    const body = request.slice(headEnd + 4);
    request = '';
    begin(socket, body);
  });
  socket.on('error', () => socket.destroy());
});

setInterval(fire, 1);
// The bench that started it is gone.
process.on('disconnect', () => process.exit(0));
server.listen(Number(port), '127.0.0.1', 4_096, () => {
  const bound = server.address();
  console.log(typeof bound === 'object' ? bound?.port : bound);
});
