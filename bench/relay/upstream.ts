import { createServer } from 'node:net';

/**
 * An upstream made for speed: every request gets the same stream, EVENTS words at RATE a second, with usage and a finish.
 * All streams tick together on one timer, as an engine that batches does.
 *
 *     node upstream.ts PORT EVENTS RATE [AT_ONCE [openai | anthropic | gemini]]
 *
 * AT_ONCE of the words come with the head.
 */
const [port = '0', events = '100', rate = '50', atOnce = '0', kind = 'openai'] = process.argv.slice(2);
const total = Number(events);

/** What one protocol sends: before the first word, for each word, and at the end. */
interface Dialect {
  readonly begin: string;
  word(text: string): string;
  readonly end: string;
}

const framed = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;

const chunkOf = (delta: string, finish = 'null', more = ''): string =>
  framed(
    `data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1700000000,"model":"bench",` +
      `"system_fingerprint":"fp_bench","choices":[{"index":0,"delta":${delta},"logprobs":null,` +
      `"finish_reason":${finish}}]${more}}\n\n`,
  );
const usage = `,"usage":{"prompt_tokens":1,"completion_tokens":${total},"total_tokens":${total + 1}}`;
const openai: Dialect = {
  begin: chunkOf('{"role":"assistant","content":""}'),
  word: (text) => chunkOf(`{"content":"${text}"}`),
  end: `${chunkOf('{}', '"stop"', usage)}${framed('data: [DONE]\n\n')}`,
};

const eventOf = (type: string, rest: string): string =>
  framed(`event: ${type}\ndata: {"type":"${type}"${rest}}\n\n`);
const anthropic: Dialect = {
  begin:
    eventOf(
      'message_start',
      ',"message":{"id":"msg_bench","type":"message","role":"assistant","model":"bench","content":[],' +
        '"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":1,"output_tokens":1}}',
    ) + eventOf('content_block_start', ',"index":0,"content_block":{"type":"text","text":""}'),
  word: (text) => eventOf('content_block_delta', `,"index":0,"delta":{"type":"text_delta","text":"${text}"}`),
  end:
    eventOf('content_block_stop', ',"index":0') +
    eventOf(
      'message_delta',
      `,"delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":${total}}`,
    ) +
    eventOf('message_stop', ''),
};

const responseOf = (text: string, more: string): string =>
  framed(
    `data: {"candidates":[{"content":{"parts":[{"text":"${text}"}],"role":"model"},"index":0${more}}],` +
      `"usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":${total},"totalTokenCount":${total + 1}},` +
      `"modelVersion":"bench","responseId":"bench"}\r\n\r\n`,
  );
const gemini: Dialect = {
  begin: '',
  word: (text) => responseOf(text, ''),
  end: responseOf('', ',"finishReason":"STOP"'),
};

const { begin, word, end } = { openai, anthropic, gemini }[kind] ?? openai;
const wordOf = (sent: number) => word(` word${sent % 10}`);
const head =
  'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n' +
  'cache-control: no-cache\r\n\r\n';
const tail = `${end}0\r\n\r\n`;

const ticking = new Map<import('node:net').Socket, number>();

const server = createServer((socket) => {
  socket.setNoDelay(true);
  let request = '';
  socket.on('data', (bytes) => {
    request += bytes.toString('latin1');
    const headEnd = request.indexOf('\r\n\r\n');
    const length = Number(/content-length: (\d+)/i.exec(request)?.[1] ?? 0);
    if (headEnd < 0 || request.length < headEnd + 4 + length) return;
    request = '';
    const first = Array.from({ length: Number(atOnce) }, (_, sent) => wordOf(sent));
    socket.write(head + begin + first.join(''));
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
