import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { upstreamInputs } from './all-inputs.ts';
import type { UpstreamInput } from './input.ts';

/** An upstream of all three kinds that answers with the input of its table whose name is the model's. */
export interface InputServer {
  readonly port: number;
  close(): Promise<void>;
}

const byName: ReadonlyMap<string, UpstreamInput> = new Map(
  upstreamInputs.map((input) => [input.name, input]),
);

/** Listens on a free port of the loopback; the caller closes it. */
export async function serveInputs(): Promise<InputServer> {
  const counts = new Map<string, number>();
  const server = createServer((request, response) => void answer(request, response));

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = JSON.parse(await text(request)) as { model?: string };
    // Gemini has the model's name in the path.
    const name = body.model ?? /models\/([^:]+):/.exec(request.url ?? '')?.[1] ?? '';
    const input = byName.get(name);
    const before = counts.get(name) ?? 0;
    counts.set(name, before + 1);
    if (input === undefined) {
      response.writeHead(404, { 'content-type': 'application/json' }).end('{"error":{"message":"unknown"}}');
      return;
    }
    const typeOfForm = input.form === 'json' ? 'application/json' : 'text/event-stream';
    response.writeHead(input.status ?? 200, { 'content-type': input.contentType ?? typeOfForm });
    for (const piece of input.body) await write(response, cut(piece, before));
    response.end();
  }

  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a server without a port');
  return {
    port: address.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Mostly one read of the client for each piece. */
async function write(response: ServerResponse, pieces: readonly Buffer[]): Promise<void> {
  for (const piece of pieces) {
    response.write(piece);
    await nextTurn();
  }
}

/** Each third request for an input gets its pieces cut again, at other places each time, and not only between characters. */
function cut(text: string, request: number): readonly Buffer[] {
  const bytes = Buffer.from(text);
  if (request % 3 !== 2) return [bytes];
  const size = 3 + (request % 5);
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
    bytes.subarray(at * size, (at + 1) * size),
  );
}
