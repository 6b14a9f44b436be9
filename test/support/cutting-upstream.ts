import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';

/**
 * An OpenAI-compatible upstream made of another one: it passes requests on and breaks off their streams.
 * Asked for the model `3:some/model` it asks there for `some/model` and ends after three pieces of text: by a
 * reset, or in order where the number is even. It does not pass `stop` strings on.
 */
export interface CuttingUpstream {
  readonly port: number;
  /** Where the answers come from. To be set before the first request. */
  origin: { readonly port: number; readonly apiKey: string };
  /** Streams broken off so far. */
  cuts(): number;
  close(): Promise<void>;
}

export async function startCuttingUpstream(): Promise<CuttingUpstream> {
  let cuts = 0;
  const server = createServer((asked, answer) => void pass(asked, answer));

  async function pass(asked: IncomingMessage, answer: ServerResponse): Promise<void> {
    const { stop: _, ...fields } = JSON.parse(await text(asked)) as Record<string, unknown>;
    const [, count, model] = /^(\d+):(.*)$/.exec(String(fields['model'])) ?? [];
    const body = JSON.stringify({ ...fields, model });
    const { port, apiKey } = upstream.origin;
    const headers = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      authorization: `Bearer ${apiKey}`,
    };
    const forwarded = request({ port, host: '127.0.0.1', path: asked.url, method: 'POST', headers });
    forwarded.on('error', () => answer.destroy());
    answer.on('close', () => forwarded.destroy());
    forwarded.on('response', (response) => {
      answer.writeHead(response.statusCode ?? 502, { 'content-type': response.headers['content-type'] });
      void cutAfter(response, answer, Number(count));
    });
    forwarded.end(body);
  }

  async function cutAfter(response: IncomingMessage, answer: ServerResponse, pieces: number): Promise<void> {
    let left = pieces;
    let rest = '';
    try {
      for await (const read of response.setEncoding('utf8')) {
        const events = `${rest}${read}`.split('\n\n');
        rest = events.pop() ?? '';
        for (const event of events) {
          answer.write(`${event}\n\n`);
          if (hasText(event)) left -= 1;
          if (left > 0) continue;
          cuts += 1;
          if (pieces % 2 === 0) answer.end();
          // The written bytes are sent first: a reset would discard what the kernel still holds.
          else setTimeout(() => answer.socket?.resetAndDestroy(), 20);
          response.destroy();
          return;
        }
      }
      answer.end(rest);
    } catch {
      // The other side has left, or was disconnected: in both cases the answer has ended.
      answer.destroy();
    }
  }

  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('an upstream without a port');
  const upstream: CuttingUpstream = {
    port: address.port,
    origin: { port: 0, apiKey: '' },
    cuts: () => cuts,
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
    },
  };
  return upstream;
}

/** Whether the event is a chunk with text. */
function hasText(event: string): boolean {
  return /"content":"[^"]/.test(event);
}
