import { createServer } from 'node:net';

/**
 * An OpenAI-compatible upstream made for speed: every request gets the same stream, EVENTS chunks at RATE a
 * second, with usage and [DONE]. All streams tick together on one timer, as an engine that batches does.
 *
 *     node upstream.ts PORT EVENTS RATE [AT_ONCE]
 *
 * AT_ONCE of the events come with the head.
 */
const [port = '0', events = '100', rate = '50', atOnce = '0'] = process.argv.slice(2);
const total = Number(events);

const chunkOf = (delta: string, finish = 'null', more = ''): string => {
  const json =
    `{"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1700000000,"model":"bench",` +
    `"system_fingerprint":"fp_bench","choices":[{"index":0,"delta":${delta},"logprobs":null,` +
    `"finish_reason":${finish}}]${more}}`;
  return framed(`data: ${json}\n\n`);
};
const wordOf = (sent: number) => chunkOf(`{"content":" word${sent % 10}"}`);
const framed = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;
const head =
  'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n' +
  'cache-control: no-cache\r\n\r\n';
const usage = `,"usage":{"prompt_tokens":1,"completion_tokens":${total},"total_tokens":${total + 1}}`;
const tail = `${chunkOf('{}', '"stop"', usage)}${framed('data: [DONE]\n\n')}0\r\n\r\n`;

const ticking = new Map<import('node:net').Socket, number>();

const server = createServer((socket) => {
  socket.setNoDelay(true);
  let request = '';
  socket.on('data', (bytes) => {
    request += bytes.toString('latin1');
    const end = request.indexOf('\r\n\r\n');
    const length = Number(/content-length: (\d+)/i.exec(request)?.[1] ?? 0);
    if (end < 0 || request.length < end + 4 + length) return;
    request = '';
    const first = Array.from({ length: Number(atOnce) }, (_, sent) => wordOf(sent));
    socket.write(head + chunkOf('{"role":"assistant","content":""}') + first.join(''));
    ticking.set(socket, first.length);
  });
  const gone = () => ticking.delete(socket);
  socket.on('close', gone).on('error', gone);
});

setInterval(() => {
  for (const [socket, sent] of ticking) {
    if (sent === total) {
      ticking.delete(socket);
      socket.write(tail);
      continue;
    }
    ticking.set(socket, sent + 1);
    socket.write(wordOf(sent));
  }
}, 1_000 / Number(rate));

server.listen(Number(port), '127.0.0.1', () => {
  const bound = server.address();
  console.log(typeof bound === 'object' ? bound?.port : bound);
});
