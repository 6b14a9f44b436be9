import { connect } from 'node:net';

export interface LoadResult {
  /** Content chunks received over all streams. */
  readonly events: number;
  /** Streams whose joined text and ending were exactly what the upstream said. */
  readonly whole: number;
  readonly streams: number;
}

/** Opens so many streams at once and reads each to its end. The answers are checked byte for byte. */
export async function readStreams(
  target: { readonly port: number; readonly path: string; readonly key: string; readonly model: string },
  streams: number,
  events: number,
): Promise<LoadResult> {
  const body = JSON.stringify({
    model: target.model,
    stream: true,
    messages: [{ role: 'user', content: 'go' }],
  });
  const request =
    `POST ${target.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${target.key}\r\n` +
    `Content-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`;
  const expected = Array.from({ length: events }, (_, index) => ` word${index % 10}`).join('');
  const bodies = await Promise.all(Array.from({ length: streams }, () => readOne(target.port, request)));
  const texts = bodies.map(textOf);
  return {
    streams,
    events: texts.reduce((sum, { chunks }) => sum + chunks, 0),
    whole: texts.filter(({ text, done }) => done && text === expected).length,
  };
}

function readOne(port: number, request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect(port, '127.0.0.1', () => socket.write(request));
    socket.setNoDelay(true);
    socket.on('data', (bytes) => chunks.push(bytes));
    socket.on('error', reject);
    socket.on('close', () => resolve(Buffer.concat(chunks).toString('latin1')));
  });
}

function textOf(body: string): { text: string; chunks: number; done: boolean } {
  const words = [...body.matchAll(/"delta":\{"content":"( [^"]*)"\}/g)].map((match) => match[1]);
  return { text: words.join(''), chunks: words.length, done: body.includes('data: [DONE]') };
}
