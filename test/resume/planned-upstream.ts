import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { planStream } from './planned-stream.ts';

/** An OpenAI-compatible upstream that writes planned streams, and counts how often it was asked for each. */
export interface PlannedUpstream {
  readonly baseUrl: string;
  /** How often the request with this message has come. */
  asked(message: string): number;
  close(): Promise<void>;
}

/** The message that asks for planned stream `number`, for one of its two runs. Both have the same length, so they cost the same. */
export function messageFor(number: number, run: 'ordinary' | 'returned'): string {
  return `plan ${number} ${run}`;
}

export async function startPlannedUpstream(): Promise<PlannedUpstream> {
  const counts = new Map<string, number>();
  const server = createServer((request, response) => void answer(request, response));

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { messages } = JSON.parse(await text(request)) as {
      readonly messages: { readonly content: string }[];
    };
    const message = messages[0]?.content ?? '';
    counts.set(message, (counts.get(message) ?? 0) + 1);
    await play(planStream(Number(message.split(' ')[1])), response);
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    asked: (message) => counts.get(message) ?? 0,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function play(
  { writes, ending }: ReturnType<typeof planStream>,
  response: ServerResponse,
): Promise<void> {
  if (ending === 'refused') {
    response.writeHead(503, { 'content-type': 'application/json' }).end('{"error": {"message": "Not now."}}');
    return;
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const { afterMs, bytes } of writes) {
    if (afterMs > 0) await sleep(afterMs);
    if (response.destroyed) return;
    response.write(bytes);
  }
  // A reset could take written bytes along, and the two runs of a stream would differ.
  if (ending === 'broken') response.socket?.destroySoon();
  else response.end();
}
