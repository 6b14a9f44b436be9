/* Sends events as upstreams do: `sender.ts PORT STREAMS RATE`, one line an event, each stream at moments of its own. */
import { createConnection, type Socket } from 'node:net';

const [port = 0, streams = 1, rate = 50] = process.argv.slice(2).map(Number);
const line = `{"id":"chatcmpl-0123456789","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":" word"}}]}\n`;
const periodMs = 1_000 / rate;
const sockets: { readonly socket: Socket; nextMs: number }[] = [];
for (let index = 0; index < streams; index += 1) {
  const socket = createConnection(port, '127.0.0.1');
  socket.setNoDelay(true);
  socket.once('data', () => {
    sockets.push({ socket, nextMs: performance.now() + (index / streams) * periodMs });
  });
}
setInterval(() => {
  const nowMs = performance.now();
  for (const stream of sockets) {
    if (stream.nextMs > nowMs) continue;
    stream.socket.write(line);
    stream.nextMs = Math.max(stream.nextMs + periodMs, nowMs - 5 * periodMs);
  }
}, 1);
