import { connect, type Socket } from 'node:net';

export interface LoadResult {
  /** Content chunks received over all streams. */
  readonly events: number;
  /** Streams whose joined text and ending were exactly those of the upstream. */
  readonly whole: number;
  readonly streams: number;
}

export interface LoadTarget {
  readonly port: number;
  readonly path: string;
  readonly key: string;
  readonly model: string;
}

/** Opens that many streams at once and reads each to its end. Text and ending are checked. */
export async function readStreams(target: LoadTarget, streams: number, events: number): Promise<LoadResult> {
  const request = requestTo(target);
  const expected = Array.from({ length: events }, (_, index) => ` word${index % 10}`).join('');
  const bodies = await Promise.all(Array.from({ length: streams }, () => readOne(target.port, request)));
  const texts = bodies.map(textOf);
  return {
    streams,
    events: texts.reduce((sum, { chunks }) => sum + chunks, 0),
    whole: texts.filter(({ text, done }) => done && text === expected).length,
  };
}

/** Opens that many streams, a few at a time; resolves when the first word of each has come. The caller destroys them. */
export async function openStreams(target: LoadTarget, streams: number): Promise<readonly Socket[]> {
  const request = requestTo(target);
  const open: Socket[] = [];
  while (open.length < streams) {
    const some = Math.min(100, streams - open.length);
    open.push(...(await Promise.all(Array.from({ length: some }, () => openOne(target.port, request)))));
  }
  return open;
}

function openOne(port: number, request: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    let said = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(request));
    const read = (bytes: Buffer) => {
      said += bytes.toString('latin1');
      if (!said.includes(' word0')) return;
      socket.off('data', read).resume();
      resolve(socket);
    };
    socket.on('data', read);
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`a stream ended before its first word: ${said}`)));
  });
}

function requestTo(target: LoadTarget): string {
  const body = JSON.stringify({
    model: target.model,
    stream: true,
    messages: [{ role: 'user', content: 'go' }],
  });
  return (
    `POST ${target.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${target.key}\r\n` +
    `Content-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`
  );
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
